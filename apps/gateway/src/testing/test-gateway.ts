import { mkdtemp, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourceStack } from '@gateway-provisioners/core';
import type { LogFields, Logger } from '@gateway-provisioners/core';
import { createKernelSpecs } from '@gateway-provisioners/kernelspec';
import { WebSocket } from 'ws';
import { tokenAuthenticator } from '../auth/token-authenticator.ts';
import type { Authenticator, Identity } from '../auth/authenticator.ts';
import { buildGateway } from '../build-gateway.ts';
import type { Gateway } from '../build-gateway.ts';
import type { GatewayOptions } from '../gateway-options.ts';
import { FakeKernels } from './fake-kernels.ts';

export const TOKEN = 'a-token-for-tests';
export const authorised = { authorization: `token ${TOKEN}` };
export const SECRET_IN_SPEC = 'spec-env-secret-4711';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps every line, for tests that look for what must not be in a log. */
export function recordingLogger(lines: LogLine[] = [], bound: LogFields = {}): Logger & { readonly lines: LogLine[] } {
  const add =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields: { ...bound, ...fields } });
    };
  return {
    lines,
    debug: add('debug'),
    info: add('info'),
    warn: add('warn'),
    error: add('error'),
    child: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  };
}

export interface TestGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly app: Gateway['app'];
  readonly kernels: FakeKernels;
  readonly logger: ReturnType<typeof recordingLogger>;
  /** Existing folder, with `project/` in it. */
  readonly rootDir: string;
  /** Starts to listen at the first call; `http://127.0.0.1:<port>`. */
  listen(): Promise<string>;
  /** A WebSocket to a kernel, with the token; not open yet. */
  connect(kernelId: string, options?: ConnectTestOptions): Promise<TestSocket>;
}

export interface ConnectTestOptions {
  readonly protocols?: readonly string[];
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly paused?: boolean;
}

/** A gateway around fake kernels and two kernelspecs on disk: `python3` with resources, and `other`. */
export async function createTestGateway(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  await using stack = new ResourceStack();
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'gateway-test-')));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const rootDir = join(folder, 'root');
  await mkdir(join(rootDir, 'project'), { recursive: true });
  await writeSpecs(join(folder, 'kernels'));
  const kernelspecs = stack.use(await createKernelSpecs({ env: {}, searchPath: [join(folder, 'kernels')] }));
  const kernels = new FakeKernels();
  const logger = recordingLogger();
  const gateway = await buildGateway({
    kernels,
    kernelspecs,
    authenticator: tokenAuthenticator({ token: TOKEN, identity: { username: 'default' } }),
    rootDir,
    logger,
    ...options,
  });
  stack.defer(() => gateway.close({ timeoutMs: 2_000 }));
  let listening: Promise<string> | undefined;
  const listen = async (): Promise<string> => {
    await gateway.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = gateway.app.server.address() as AddressInfo;
    return `http://127.0.0.1:${String(port)}`;
  };
  const sockets = new Set<WebSocket>();
  stack.defer(() => {
    for (const socket of sockets) socket.terminate();
  });
  const owned = stack.move();
  return {
    gateway,
    app: gateway.app,
    kernels,
    logger,
    rootDir,
    listen: () => (listening ??= listen()),
    async connect(kernelId, connectOptions = {}) {
      const url = await (listening ??= listen());
      const query = connectOptions.query ?? '';
      const address = `${url.replace('http', 'ws')}${options.baseUrl ?? '/'}api/kernels/${kernelId}/channels${query}`;
      const socket = new WebSocket(address, [...(connectOptions.protocols ?? [])], {
        headers: connectOptions.headers ?? authorised,
      });
      sockets.add(socket);
      return new TestSocket(socket);
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/** Two users with a token each, which is also their name. */
export const twoUsers: Authenticator = {
  required: true,
  authenticate: ({ authorization }): Identity | undefined => {
    const name = /^token (alice|bob)$/.exec(authorization ?? '')?.[1];
    return name === undefined ? undefined : { username: name };
  },
};

/** A WebSocket client that remembers what came and how it ended. */
export class TestSocket {
  readonly socket: WebSocket;
  readonly received: (Buffer | string)[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The answer to a handshake that was refused. */
  readonly refused: Promise<{ readonly status: number; readonly body: string }>;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    this.opened = new Promise((resolve) =>
      socket.once('open', () => {
        resolve();
      }),
    );
    this.closed = new Promise((resolve) =>
      socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
      }),
    );
    this.refused = new Promise((resolve) =>
      socket.once('unexpected-response', (_request, response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
      }),
    );
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      this.received.push(isBinary ? bytes : bytes.toString());
      this.#wake?.();
    });
  }

  /** Waits until `count` messages have come. */
  async waitFor(count: number): Promise<readonly (Buffer | string)[]> {
    while (this.received.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.received;
  }
}

async function writeSpecs(folder: string): Promise<void> {
  const python = join(folder, 'python3');
  await mkdir(join(python, 'bin'), { recursive: true });
  await mkdir(join(folder, 'other'), { recursive: true });
  await writeFile(
    join(python, 'kernel.json'),
    JSON.stringify({
      argv: ['python3', '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
      display_name: 'Python 3',
      language: 'python',
      env: { API_KEY: SECRET_IN_SPEC },
      metadata: {
        debugger: true,
        kernel_provisioner: { provisioner_name: 'local-provisioner', config: { password: SECRET_IN_SPEC } },
      },
    }),
  );
  await writeFile(join(python, 'logo-64x64.png'), Buffer.from([0x89, 0x50, 0x4e, 0x47]));
  await writeFile(join(python, 'logo-svg.svg'), '<svg/>');
  await writeFile(join(python, 'kernel.js'), 'define(() => ({}));');
  await writeFile(join(python, 'bin', 'run.sh'), '#!/bin/sh\n');
  await writeFile(
    join(folder, 'other', 'kernel.json'),
    JSON.stringify({ argv: ['other', '{connection_file}'], display_name: 'Other', language: 'other' }),
  );
}

/** Bodies as tests read them: `response.json<SessionJson>()`. */
export interface ErrorJson {
  readonly reason: string;
  readonly message: string;
  readonly code: string;
}

export interface SessionJson {
  readonly id: string;
  readonly path: string;
  readonly kernel: { readonly id: string; readonly name: string };
}

export interface KernelSpecsJson {
  readonly default: string;
  readonly kernelspecs: Readonly<Record<string, unknown>>;
}
