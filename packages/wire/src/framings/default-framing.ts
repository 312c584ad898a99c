import { framingError } from './framing-rules.ts';
import type { WebSocketFraming } from './websocket-framing.ts';

/** The framing without a sub-protocol. */
export const defaultFraming: WebSocketFraming = {
  name: 'default',
  encode() {
    throw framingError('default', 'not written yet');
  },
  encodeFrame() {
    throw framingError('default', 'not written yet');
  },
  decode() {
    throw framingError('default', 'not written yet');
  },
};
