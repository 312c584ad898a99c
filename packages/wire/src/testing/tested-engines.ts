import type { ChannelEngine } from '../channel-socket.ts';
import { createZeromqEngine } from '../zeromq/zeromq-engine.ts';
import { createZmtpEngine } from '../zmtp/zmtp-engine.ts';

/** What one suite is run against: every engine, and CurveZMQ where there is it. */
export const testedEngines: readonly {
  readonly title: string;
  readonly engine: ChannelEngine;
  readonly curve: boolean;
}[] = [
  { title: 'zmtp', engine: createZmtpEngine(), curve: false },
  { title: 'zeromq', engine: createZeromqEngine(), curve: false },
  { title: 'zeromq with CURVE', engine: createZeromqEngine(), curve: true },
];
