/**
 * Jupyter messaging between a gateway and its kernels: messages, signatures, channel sockets, WebSocket framings.
 * @module
 */
export type {
  ChannelEngine,
  ChannelSocket,
  ChannelSocketOptions,
  ChannelSocketState,
  Frames,
} from './channel-socket.ts';
export { readConnectionFile, writeConnectionFile } from './connection-file.ts';
export { parseConnectionInfo } from './connection-info.ts';
export type { EngineChoice } from './engine.ts';
export { selectEngine } from './engine.ts';
export { defaultFraming } from './framings/default-framing.ts';
export { V1_SUBPROTOCOL, v1Framing } from './framings/v1-framing.ts';
export type { WebSocketFraming } from './framings/websocket-framing.ts';
export type {
  ChannelCounters,
  KernelChannelsOptions,
  KernelChannelsState,
  OpenOptions,
  RequestOptions,
  Route,
  RoutedMessage,
} from './kernel-channels-options.ts';
export { KernelChannels } from './kernel-channels.ts';
export type {
  CreateMessageOptions,
  EncodedFrame,
  KernelMessageInit,
  MessageHeader,
  MessageParts,
  ParentHeader,
} from './kernel-message.ts';
export { KernelMessage, PROTOCOL_VERSION, createMessage } from './kernel-message.ts';
export type { ReturnedKeys, TransportEncryptionDecision, TransportEncryptionQuestion } from './transport-encryption.ts';
export {
  acceptReturnedKeys,
  declaresCurve,
  parseTransportEncryption,
  resolveTransportEncryption,
} from './transport-encryption.ts';
export type { ZeromqEngineOptions } from './zeromq/zeromq-engine.ts';
export { createZeromqEngine } from './zeromq/zeromq-engine.ts';
export type { ZmtpEngineOptions } from './zmtp/zmtp-engine.ts';
export { createZmtpEngine } from './zmtp/zmtp-engine.ts';
