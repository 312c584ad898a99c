import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { Logger } from '@gateway-provisioners/core';
import { MethodNotAllowedError } from './define-route.ts';
import { errorBody, errorStatus, toRequestError } from './error-response.ts';
import type { ErrorBody } from './error-response.ts';
import type { App, Reply, Request } from './fastify-types.ts';
import { pathOf } from './hooks.ts';

const RETRY_AFTER_SECONDS = 10;

/** Every failed request is answered here: by our own errors, Fastify's, or a route that does not exist. */
export function addErrorHandlers(app: App, logger: Logger): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    answerError({ error, request, reply, logger });
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new ProvisionerError('RESOURCE_NOT_FOUND', 'there is nothing at this address');
    answerError({ error, request, reply, logger });
  });
}

interface FailedRequest {
  readonly error: unknown;
  readonly request: Request;
  readonly reply: Reply;
  readonly logger: Logger;
}

function answerError({ error: raised, request, reply, logger }: FailedRequest): void {
  const error = toRequestError(raised);
  const notAllowed = error instanceof MethodNotAllowedError;
  const status = notAllowed ? 405 : errorStatus(error);
  const body: ErrorBody = notAllowed
    ? { reason: 'Method Not Allowed', message: error.message, code: error.code }
    : errorBody(error, request.id);
  if (status >= 500) {
    logger.error('request failed', {
      requestId: request.id,
      method: request.method,
      path: pathOf(request.url),
      status,
      user: request.identity?.username,
      error,
    });
  }
  if (status === 401) void reply.header('www-authenticate', 'token, Bearer');
  if (status === 429 || status === 503) void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  // A body that was refused is not read to its end: the connection cannot be used again.
  if (status === 413) void reply.header('connection', 'close');
  void reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
}

/** Answers a request whose address cannot be decoded, of which no route or hook will ever hear. */
export function answerBadAddress(response: ServerResponse): void {
  const body = JSON.stringify({
    reason: 'Bad Request',
    message: 'the address cannot be decoded',
    code: 'INVALID_REQUEST',
  });
  response.writeHead(400, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  response.end(body);
}

/** Answers bytes that are not HTTP at all, or whose headers are too large or too slow. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const known = new Map([
    ['HPE_HEADER_OVERFLOW', { status: '431 Request Header Fields Too Large', message: 'the headers are too large' }],
    ['ERR_HTTP_REQUEST_TIMEOUT', { status: '408 Request Timeout', message: 'the request did not arrive in time' }],
  ]).get(error.code ?? '');
  const { status, message } = known ?? { status: '400 Bad Request', message: 'this is not a valid HTTP request' };
  const body = JSON.stringify({ reason: status.slice(4), message, code: 'INVALID_REQUEST' });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
