import { randomBytes } from 'node:crypto';
import { b64, kernelId, line } from './common.mjs';

/** What goes over the comm channel under `commKey`. */
export function version2Comm(commKey) {
  const challenge = b64(randomBytes(32));
  const request = (fields, overrides = {}) =>
    line(commKey, { to: 'launcher', kernel_id: kernelId, challenge, seq: 1, ...fields, ...overrides });
  const reply = (fields, overrides = {}) =>
    line(commKey, { to: 'gateway', kernel_id: kernelId, challenge, seq: 1, ...fields, ...overrides });
  const exit = { reason: 'signalled', signal: 'SIGKILL' };
  return {
    comm_key: b64(commKey),
    kernel_id: kernelId,
    challenge,
    hello: `${JSON.stringify({ version: 2, challenge })}\n`,
    // The launcher expects sequence number 1, as on a new connection.
    requests: [
      { name: 'ping', ...request({ request: 'ping' }) },
      { name: 'signal', ...request({ request: 'signal', signum: 2 }) },
      { name: 'shutdown', ...request({ request: 'shutdown' }) },
      { name: 'status', ...request({ request: 'status', max_log_bytes: 1024 }) },
      { name: 'renew', ...request({ request: 'renew' }) },
      { name: 'unknown fields are ignored', ...request({ request: 'ping', more: 1 }) },
    ],
    // No reply to any of these: the launcher closes the connection.
    refused_requests: [
      {
        name: 'sealed with another key',
        ...line(randomBytes(32), { to: 'launcher', kernel_id: kernelId, challenge, seq: 1, request: 'ping' }),
      },
      { name: 'for another connection', ...request({ request: 'ping' }, { challenge: b64(randomBytes(32)) }) },
      { name: 'a sequence number too high', ...request({ request: 'ping' }, { seq: 2 }) },
      { name: 'a sequence number too low', ...request({ request: 'ping' }, { seq: 0 }) },
      { name: 'sequence number as text', ...request({ request: 'ping' }, { seq: '1' }) },
      { name: 'for another kernel', ...request({ request: 'ping' }, { kernel_id: 'other' }) },
      { name: 'a reply sent back', ...request({ ok: true }, { to: 'gateway' }) },
      { name: 'version 1', line: '{"signum": 9}\n' },
      { name: 'not JSON', line: 'hello\n' },
    ],
    // Authentic, so the launcher says what is wrong with them.
    bad_requests: [
      { name: 'no such request', ...request({ request: 'dance' }), error: 'unsupported' },
      { name: 'signal without a number', ...request({ request: 'signal' }), error: 'bad_request' },
      { name: 'signal number as text', ...request({ request: 'signal', signum: '2' }), error: 'bad_request' },
      { name: 'signal number out of range', ...request({ request: 'signal', signum: 65 }), error: 'bad_request' },
    ],
    replies: [
      { name: 'alive', ...reply({ ok: true, alive: true, pid: 4711 }) },
      { name: 'ended', ...reply({ ok: true, alive: false, exit, log_tail: 'Killed\n' }) },
      { name: 'done', ...reply({ ok: true }) },
      { name: 'renewed', ...reply({ ok: true, lease_seconds: 3600 }) },
      { name: 'the kernel has ended', ...reply({ ok: false, error: 'no_kernel', message: 'the kernel has ended' }) },
    ],
    refused_replies: [
      {
        name: 'sealed with another key',
        ...line(randomBytes(32), { to: 'gateway', kernel_id: kernelId, challenge, seq: 1, ok: true }),
      },
      { name: 'to another request', ...reply({ ok: true }, { seq: 2 }) },
      { name: 'from another connection', ...reply({ ok: true }, { challenge: b64(randomBytes(32)) }) },
      { name: 'a request sent back', ...reply({ request: 'ping' }, { to: 'launcher' }) },
      { name: 'for another kernel', ...reply({ ok: true }, { kernel_id: 'other' }) },
    ],
  };
}
