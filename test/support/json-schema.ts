/** What is wrong with a value by a JSON Schema, as far as the OpenAPI document of the coordinator uses it. A keyword that is not known here is an error: nothing is passed over. */

type Schema = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  array: Array.isArray,
  object: isObject,
};

type Rule = (argument: never, value: unknown, schema: Schema, path: string) => string[];

const says = (wrong: boolean, path: string, what: string): string[] => (wrong ? [`${path || 'the value'}: ${what}`] : []);
const numeric = (value: unknown, holds: (value: number) => boolean): boolean => typeof value !== 'number' || holds(value);

const RULES: Readonly<Record<string, Rule>> = {
  type: (type: string | string[], value, _, path) =>
    says(![type].flat().some((name) => TYPES[name]!(value)), path, `is no ${String(type)}`),
  const: (expected: unknown, value, _, path) => says(value !== expected, path, `is not ${String(expected)}`),
  enum: (values: unknown[], value, _, path) => says(!values.includes(value), path, `is none of ${values.join(', ')}`),
  pattern: (pattern: string, value, _, path) =>
    says(typeof value === 'string' && !new RegExp(pattern, 'u').test(value), path, `does not match ${pattern}`),
  minLength: (least: number, value, _, path) => says(typeof value === 'string' && value.length < least, path, `is shorter than ${least}`),
  maxLength: (most: number, value, _, path) => says(typeof value === 'string' && value.length > most, path, `is longer than ${most}`),
  minimum: (least: number, value, _, path) => says(!numeric(value, (n) => n >= least), path, `is below ${least}`),
  maximum: (most: number, value, _, path) => says(!numeric(value, (n) => n <= most), path, `is above ${most}`),
  minItems: (least: number, value, _, path) => says(Array.isArray(value) && value.length < least, path, `has fewer than ${least} items`),
  maxItems: (most: number, value, _, path) => says(Array.isArray(value) && value.length > most, path, `has more than ${most} items`),
  items: (items: Schema, value, _, path) =>
    Array.isArray(value) ? value.flatMap((item, n) => schemaFaults(items, item, `${path}/${n}`)) : [],
  required: (names: string[], value, _, path) =>
    isObject(value) ? names.flatMap((name) => says(!Object.hasOwn(value, name), path, `lacks ${name}`)) : [],
  properties: (properties: Record<string, Schema>, value, _, path) =>
    isObject(value)
      ? Object.entries(properties).flatMap(([name, schema]) =>
          Object.hasOwn(value, name) ? schemaFaults(schema, value[name], `${path}/${name}`) : [],
        )
      : [],
  additionalProperties: (allowed: boolean | Schema, value, { properties = {} }, path) =>
    isObject(value)
      ? Object.keys(value)
          .filter((name) => !Object.hasOwn(properties as object, name))
          .flatMap((name) =>
            allowed === false
              ? says(true, path, `has an unknown field ${name}`)
              : schemaFaults(allowed === true ? {} : allowed, value[name], `${path}/${name}`),
          )
      : [],
  propertyNames: (names: Schema, value, _, path) =>
    isObject(value) ? Object.keys(value).flatMap((name) => schemaFaults(names, name, `${path}/${name}`)) : [],
  anyOf: (schemas: Schema[], value, _, path) =>
    says(!schemas.some((schema) => schemaFaults(schema, value, path).length === 0), path, 'fits none of the alternatives'),
  default: () => [],
  description: () => [],
};

/** Faults, one line each; none: the value fits. */
export function schemaFaults(schema: Schema, value: unknown, path = ''): string[] {
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    const rule = RULES[keyword];
    if (rule === undefined) throw new Error(`unknown keyword ${keyword} of JSON Schema at ${path || 'the root'}`);
    return rule(argument as never, value, schema, path);
  });
}
