/** How many items to try next, where so many came to too many bytes: about as many as fit, and always fewer. */
export function fewer(items: number, bytes: number, maxBytes: number): number {
  return Math.max(0, Math.min(items - 1, Math.floor((0.95 * items * maxBytes) / bytes)));
}
