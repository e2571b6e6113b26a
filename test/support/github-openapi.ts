import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

type Schema = Readonly<Record<string, unknown>>;
type Operation = {
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: 'path' | 'query' | 'header';
    readonly required?: boolean;
    readonly schema: Schema & { readonly type?: string };
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly statuses: readonly string[];
};
type Slice = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

/** Made by scripts/slice-openapi.ts of GitHub's own description. */
const FILE = join(import.meta.dirname, '../fixtures/github-openapi.json');
const { paths } = JSON.parse(readFileSync(FILE, 'utf8')) as Slice;
const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
const compiled = new Map<Schema, ValidateFunction>();

/** An operation of GitHub's description, and the values that a path has for its parameters. */
type Found = { readonly operation: Operation; readonly values: Readonly<Record<string, string>> };

/** What GitHub's description of its API has against a request; nothing when it fits. GraphQL is not described there. */
export function mistakesOf(method: string, url: URL, body: unknown): readonly string[] {
  const found = findOperation(method, url.pathname);
  if (!found) return [`there is no ${method} ${url.pathname}`];
  const { operation, values } = found;
  const query = Object.fromEntries(url.searchParams);
  const known = new Set(operation.parameters.filter((each) => each.in === 'query').map(({ name }) => name));
  const unknown = Object.keys(query).filter((name) => !known.has(name));
  const wrong = operation.parameters.flatMap(({ name, in: place, required = false, schema }) => {
    if (place === 'header') return [];
    const text = place === 'path' ? values[name] : query[name];
    if (text === undefined) return required ? [`${name} is missing`] : [];
    const value = schema.type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text;
    return mistakesIn(value, schema, name);
  });
  return [...unknown.map((name) => `${name} is no parameter`), ...wrong, ...bodyMistakes(operation, body)];
}

function bodyMistakes({ requestBody }: Operation, body: unknown): readonly string[] {
  const schema = requestBody?.content['application/json']?.schema;
  if (schema === undefined) return body === undefined ? [] : ['it takes no body'];
  const properties = schema['properties'] as Schema | undefined;
  const unknown = Object.keys((body ?? {}) as object).filter((name) => properties && !(name in properties));
  return [...unknown.map((name) => `body.${name} is no property`), ...mistakesIn(body ?? {}, schema, 'body')];
}

function mistakesIn(value: unknown, schema: Schema, where: string): readonly string[] {
  const validate = compiled.get(schema) ?? ajv.compile(schema);
  compiled.set(schema, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${where}${instancePath} ${message}`);
}

function findOperation(method: string, pathname: string): Found | undefined {
  const matches = Object.entries(paths).flatMap(([template, operations]) => {
    const operation = operations[method.toLowerCase()];
    const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const match = new RegExp(`^${template.replaceAll(/\{\w+\}/g, '([^/]+)')}$`).exec(pathname);
    if (!operation || !match) return [];
    const values = Object.fromEntries(
      names.map((name, at) => [name, decodeURIComponent(match[at + 1] ?? '')]),
    );
    return [{ operation, values, isLiteral: names.length }];
  });
  // `issues/comments/7` fits two templates; the one with fewer parameters is meant.
  return matches.toSorted((a, b) => a.isLiteral - b.isLiteral)[0];
}
