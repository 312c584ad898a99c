import type { EngineCall } from '../engine-call.ts';
import { joinLogFrames, tailText } from '../log-frames.ts';
import type { EngineClient, EngineRequest } from './engine-client.ts';

/** The last `maxBytes` of stdout and stderr of a container, service or task; empty when it is gone. */
export async function readLog(
  client: EngineClient,
  { maxBytes, ...request }: Omit<EngineRequest, 'method' | 'query'> & { readonly maxBytes: number },
  call: EngineCall,
): Promise<string> {
  // Lines are what can be asked for: as many as short ones would need. The engine cuts long ones at 16 KiB.
  const tail = Math.max(64, Math.ceil(maxBytes / 16));
  const answer = await client.askFor({ ...request, method: 'GET', query: { stdout: true, stderr: true, tail } }, call);
  // A frame begins with a zero or a control character, so that it is never taken for JSON.
  return Buffer.isBuffer(answer) ? tailText(joinLogFrames(answer), maxBytes) : '';
}
