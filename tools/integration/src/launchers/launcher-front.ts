import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ResponseListener } from '@gateway-provisioners/launcher-protocol';

/** An HTTP port of a gateway's own that hands launchers' bodies to the response listener. */
export class LauncherFront implements AsyncDisposable {
  readonly url: string;
  /** Whose it is; known once there is a listener. Requests before that are answered 500. */
  listener: ResponseListener | undefined;
  /** So many requests more are answered by a proxy that has nobody behind it. */
  unavailable = 0;
  /** Requests so far. */
  requests = 0;
  readonly #server;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = `http://127.0.0.1:${String(port)}/api/launchers`;
    server.on('request', (request, response) => {
      void (async () => {
        this.requests += 1;
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        if (this.unavailable > 0) {
          this.unavailable -= 1;
          response.writeHead(503).end('<html>');
          return;
        }
        const token = (request.headers.authorization ?? '').replace(/^token /, '');
        const reply = await this.listener?.handleHttp(token, Buffer.concat(chunks));
        response.writeHead(reply?.status ?? 500).end(reply?.body);
      })();
    });
  }

  static async listen(): Promise<LauncherFront> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LauncherFront(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.resolve();
  }
}
