import { ProvisionerError, toProvisionerError } from '@gateway-provisioners/core';
import type { App } from './fastify-types.ts';

export type JsonBody = Readonly<Record<string, unknown>>;

/**
 * Bodies are JSON whatever the content type says: clients of Jupyter send none, or that of a form. An empty body is no
 * body.
 */
export function addBodyParser(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJson(body.toString()));
    } catch (error) {
      done(toProvisionerError(error));
    }
  });
}

/** The body of a request that may have none. Errors: `INVALID_REQUEST` when it is not an object. */
export function optionalObject(body: unknown): JsonBody {
  if (body === undefined || body === null) return {};
  if (typeof body === 'object' && !Array.isArray(body)) return { ...body };
  throw new ProvisionerError('INVALID_REQUEST', `the body has to be a JSON object, not ${describe(body)}`);
}

/** A member that is text when it is there; null counts as absent. Errors: `INVALID_REQUEST`. */
export function optionalText(body: JsonBody, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new ProvisionerError('INVALID_REQUEST', `"${key}" holds a NUL character`);
    return value;
  }
  throw new ProvisionerError('INVALID_REQUEST', `"${key}" has to be text, not ${describe(value)}`);
}

/** A member that is an object when it is there; null counts as absent. Errors: `INVALID_REQUEST`. */
export function optionalMember(body: JsonBody, key: string): JsonBody | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return { ...value };
  throw new ProvisionerError('INVALID_REQUEST', `"${key}" has to be an object, not ${describe(value)}`);
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ProvisionerError('INVALID_REQUEST', 'the body is not valid JSON', { cause: error });
  }
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}
