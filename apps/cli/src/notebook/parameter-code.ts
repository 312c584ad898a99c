import type { JsonObject, JsonValue } from '@gateway-provisioners/core';
import { ProvisionerError } from '@gateway-provisioners/core';
import { NumberText } from './parameter-values.ts';
import type { ParameterValue, Parameters } from './parameter-values.ts';

interface Dialect {
  readonly comment: string;
  /** `defaults` is the source of the cell that sets the same names before. */
  assign(name: string, value: string, defaults: string): string;
  text(value: string): string;
  readonly truth: readonly [whenTrue: string, whenFalse: string];
  readonly nothing: string;
  /** Infinity and NaN never come from JSON; numbers are written in their decimal form. */
  number(digits: string): string;
  list?(items: readonly string[]): string;
  map?(entries: readonly (readonly [key: string, value: string])[]): string;
}

// JSON's escapes are valid in all of these languages, and nothing that it leaves unescaped ends a literal. U+2028 and
// U+2029 are line ends in older JavaScript.
const quoted = (value: string): string =>
  JSON.stringify(value).replace(
    /[\u2028\u2029\x7f-\x9f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const same = (digits: string): string => digits;
const pairs = (entries: readonly (readonly [string, string])[], separator: string): string =>
  entries.map(([key, value]) => `${key}${separator}${value}`).join(', ');

const python: Dialect = {
  comment: '#',
  assign: (name, value) => `${name} = ${value}`,
  text: quoted,
  truth: ['True', 'False'],
  nothing: 'None',
  number: same,
  list: (items) => `[${items.join(', ')}]`,
  map: (entries) => `{${pairs(entries, ': ')}}`,
};

const r: Dialect = {
  comment: '#',
  assign: (name, value) => `${name} = ${value}`,
  text: (value) => {
    // R cannot hold NUL in a string, nor half of a surrogate pair.
    if (/\0|\p{Surrogate}/u.test(value)) throw unsupported('R', 'a text with NUL or an unpaired surrogate');
    return quoted(value);
  },
  truth: ['TRUE', 'FALSE'],
  nothing: 'NULL',
  number: same,
  list: (items) => `list(${items.join(', ')})`,
  map: (entries) => `list(${pairs(entries, ' = ')})`,
};

const scala: Dialect = {
  comment: '//',
  assign: (name, value) => `val ${name} = ${value}`,
  text: quoted,
  truth: ['true', 'false'],
  nothing: 'None',
  number: (digits) => (/^-?\d+$/.test(digits) && Math.abs(Number(digits)) > 2_147_483_647 ? `${digits}L` : digits),
  list: (items) => `Seq(${items.join(', ')})`,
  map: (entries) => `Map(${pairs(entries, ' -> ')})`,
};

const javascript: Dialect = {
  comment: '//',
  assign: (name, value, defaults) => `${declarationIn(defaults, name)} ${name} = ${value};`,
  text: quoted,
  truth: ['true', 'false'],
  nothing: 'null',
  number: same,
  list: (items) => `[${items.join(', ')}]`,
  // As computed keys, because a literal key __proto__ would set the prototype.
  map: (entries) => `{${entries.map(([key, value]) => `[${key}]: ${value}`).join(', ')}}`,
};

const julia: Dialect = {
  comment: '#',
  assign: (name, value) => `${name} = ${value}`,
  text: (value) => quoted(value).replaceAll('$', '\\$'),
  truth: ['true', 'false'],
  nothing: 'nothing',
  number: same,
  list: (items) => `[${items.join(', ')}]`,
  map: (entries) => `Dict(${pairs(entries, ' => ')})`,
};

const bash: Dialect = {
  comment: '#',
  assign: (name, value) => `${name}=${value}`,
  text: (value) => {
    if (value.includes('\0')) throw unsupported('bash', 'a text with NUL');
    return `'${value.replaceAll("'", `'\\''`)}'`;
  },
  truth: ['true', 'false'],
  nothing: "''",
  number: same,
};

const dialects: ReadonlyMap<string, Dialect> = new Map([
  ['python', python],
  ['r', r],
  ['scala', scala],
  ['javascript', javascript],
  ['typescript', javascript],
  ['julia', julia],
  ['bash', bash],
]);

/**
 * Code that sets the parameters in the language of a kernel. Values are written as literals; no value can become code.
 * `defaults` is the source of the cell tagged `parameters`, if there is one.
 * Errors: `INVALID_ARGUMENT` for a language or a value that cannot be written.
 */
export function parameterCode(language: string, parameters: Parameters, defaults = ''): string {
  const dialect = dialects.get(language.toLowerCase());
  if (dialect === undefined) {
    const known = [...dialects.keys()].join(', ');
    throw new ProvisionerError(
      'INVALID_ARGUMENT',
      `parameters cannot be written for a kernel of language ${JSON.stringify(language)} (known: ${known})`,
    );
  }
  const lines = [...parameters].map(([name, value]) =>
    dialect.assign(name, literal(dialect, value, language), defaults),
  );
  return [`${dialect.comment} Parameters`, ...lines, ''].join('\n');
}

/**
 * JavaScript kernels let a later cell declare a name again, but only with the keyword that declared it first.
 */
function declarationIn(defaults: string, name: string): string {
  const declaration = new RegExp(
    `\\b(let|const|var)\\s(?:(?!\\b(?:let|const|var)\\b)[^;])*?(?<![\\w$.])${name}(?![\\w$])`,
    'u',
  );
  return declaration.exec(defaults)?.[1] ?? 'var';
}

function literal(dialect: Dialect, value: ParameterValue | undefined, language: string): string {
  if (value instanceof NumberText) return dialect.number(value.text);
  if (value === null || value === undefined) return dialect.nothing;
  if (typeof value === 'string') return dialect.text(value);
  if (typeof value === 'boolean') return dialect.truth[value ? 0 : 1];
  if (typeof value === 'number') return dialect.number(String(value));
  if (isList(value)) {
    if (dialect.list === undefined) throw unsupported(language, 'a list');
    return dialect.list(value.map((item) => literal(dialect, item, language)));
  }
  if (dialect.map === undefined) throw unsupported(language, 'an object');
  return dialect.map(Object.entries(value).map(([key, item]) => [dialect.text(key), literal(dialect, item, language)]));
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function unsupported(language: string, what: string): ProvisionerError {
  return new ProvisionerError('INVALID_ARGUMENT', `${language} parameters cannot hold ${what}`);
}
