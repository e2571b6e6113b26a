declare const brand: unique symbol;

/** A type that only its own parser can make, so that a bare value in its place does not compile. */
export type Brand<Value, Name extends string> = Value & { readonly [brand]: Name };
