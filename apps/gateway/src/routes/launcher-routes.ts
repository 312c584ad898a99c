import type { GatewayContext } from '../gateway-context.ts';
import { defineRoute } from '../http/define-route.ts';
import type { App } from '../http/fastify-types.ts';

/** Where launchers may post their answers, below the base URL. */
export const LAUNCHER_ANSWERS = 'api/launcher-answers';

const MAX_ANSWER_BYTES = 65_536;

/**
 * Answers of launchers over the gateway's own port, for networks in which no other can be reached. The launcher has no
 * token of the gateway's: its own says for which launch the body may be, and the body proves who sent it.
 */
export function launcherRoutes(app: App, context: GatewayContext): void {
  defineRoute(app, {
    url: LAUNCHER_ANSWERS,
    config: { open: true },
    bodyLimitBytes: MAX_ANSWER_BYTES,
    methods: {
      POST: async (request, reply) => {
        const token = /^token (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
        const body = Buffer.from(JSON.stringify(request.body ?? null));
        const answer = await context.launcherAnswers?.handleHttp(token, body);
        return await reply
          .code(answer?.status ?? 403)
          .type('application/json')
          .send(answer?.body ?? '');
      },
    },
  });
}
