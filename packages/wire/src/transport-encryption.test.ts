import { describe, expect, test } from '@jest/globals';
import {
  acceptReturnedKeys,
  declaresCurve,
  parseTransportEncryption,
  resolveTransportEncryption,
} from './transport-encryption.ts';

describe('parseTransportEncryption', () => {
  test.each(['disabled', ' AUTO', 'Required'])('%s is a policy', (word) => {
    expect(parseTransportEncryption(word)).toBe(word.trim().toLowerCase());
  });

  test.each(['', 'yes', undefined, 1])('%j is not', (word) => {
    expect(() => parseTransportEncryption(word)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining("transport_encryption must be one of: 'disabled', 'auto', 'required' (got: "),
      }),
    );
  });
});

test.each([
  ['curve', true],
  [' CURVE ', true],
  [['plain', 'Curve'], true],
  [['curve25519'], false],
  ['', false],
  [undefined, false],
  [{ curve: true }, false],
  [[['curve']], false],
])('supported_encryption %j: %s', (supported, expected) => {
  expect(declaresCurve(supported)).toBe(expected);
});

describe('resolveTransportEncryption', () => {
  const plain = { encrypt: false, launchValue: '' };
  const obstacle = 'argv has no {transport_encryption}';
  const warning = 'Transport encryption cannot be applied: argv has no {transport_encryption}.';

  const encrypted = (launchValue: 'auto' | 'required') => ({ encrypt: true, launchValue });

  test.each([
    { policy: 'disabled', supported: ['curve'], expected: plain },
    { policy: 'disabled', supported: [], expected: plain },
    { policy: 'auto', supported: ['curve'], expected: encrypted('auto') },
    { policy: 'auto', supported: ['curve'], obstacle, expected: { ...plain, warning } },
    { policy: 'auto', supported: [], expected: plain },
    { policy: 'auto', supported: [], obstacle, expected: plain },
    { policy: 'required', supported: ['curve'], expected: encrypted('required') },
  ] as const)('$policy, kernelspec declares $supported, obstacle $obstacle', ({ expected, ...question }) => {
    expect(resolveTransportEncryption(question)).toEqual(expected);
  });

  test.each([
    [
      [],
      undefined,
      "transport_encryption='required' but kernelspec does not declare 'curve' in `metadata.supported_encryption`. [kernelName=k]",
    ],
    [
      ['curve'],
      obstacle,
      "transport_encryption='required' cannot be applied: argv has no {transport_encryption}. [kernelName=k]",
    ],
  ])('required, kernelspec declares %j, obstacle %s: refused', (supported, reason, message) => {
    expect(() =>
      resolveTransportEncryption({ policy: 'required', supported, obstacle: reason, kernelName: 'k' }),
    ).toThrow(expect.objectContaining({ code: 'ENCRYPTION_UNAVAILABLE', message }));
  });
});

describe('acceptReturnedKeys', () => {
  const keys = { curve_publickey: 'p'.repeat(40), curve_secretkey: 's'.repeat(40) };

  test('valid keys are used, asked for or not', () => {
    for (const policy of ['disabled', 'auto', 'required'] as const) {
      const returned = { ip: 'h', ...keys };
      expect(acceptReturnedKeys(returned, { policy, encrypt: policy !== 'disabled' })).toEqual({ info: returned });
    }
  });

  test.each([
    [{}, 'there are none'],
    [{ curve_publickey: keys.curve_publickey }, 'curve_secretkey is missing'],
    [{ ...keys, curve_secretkey: 'short' }, 'curve_secretkey is not a key'],
  ])('%j: plain with auto, refused when required', (returned, reason) => {
    const accepted = acceptReturnedKeys({ ip: 'h', ...returned }, { policy: 'auto', encrypt: true });
    expect(accepted.info).toEqual({ ip: 'h' });
    expect(accepted.warning).toContain(`did not return valid CurveZMQ keys (${reason}`);
    expect(acceptReturnedKeys(returned, { policy: 'auto', encrypt: false })).toEqual({ info: {} });
    expect(() => acceptReturnedKeys(returned, { policy: 'required', encrypt: true, kernelName: 'k' })).toThrow(
      expect.objectContaining({ code: 'ENCRYPTION_UNAVAILABLE', message: expect.stringContaining(reason) }),
    );
  });
});
