import { describe, expect, test } from '@jest/globals';
import { ProvisionerError } from '@gateway-provisioners/core';
import { createPinoLogger } from './pino-logger.ts';

function lines(level: 'debug' | 'info' = 'debug') {
  const written: string[] = [];
  const logger = createPinoLogger({ level, stream: { write: (line) => written.push(line) } });
  return { logger, parsed: () => written.map((line) => JSON.parse(line) as Record<string, unknown>), written };
}

describe('the log', () => {
  test('is one JSON object per line, with the fields of the child', () => {
    const { logger, parsed } = lines();
    logger.child({ kernelId: 'k' }).warn('something', { user: 'u', status: 200, ok: true });
    expect(parsed()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        kernelId: 'k',
        user: 'u',
        status: 200,
        ok: true,
        msg: 'something',
      },
    ]);
  });

  test('leaves out what is below its level', () => {
    const { logger, written } = lines('info');
    logger.debug('nothing');
    expect(written).toEqual([]);
  });

  test('masks text under every name that is not known to be harmless', () => {
    const { logger, written } = lines();
    const secret = 'hunter2';
    logger.child({ password: secret }).info('m', {
      token: secret,
      env: { A: secret },
      key: secret,
      connection: { key: secret },
      headers: [secret],
      kernelId: { nested: secret },
      error: { toString: () => secret },
    });
    expect(written.join('')).not.toContain(secret);
    expect(written.join('')).toContain('[redacted]');
  });

  test('masks tokens in addresses, wherever they stand', () => {
    const { logger, written } = lines();
    logger.info('GET /api?token=hunter2&x=1', {
      url: 'http://h/?a=1&token=hunter2',
      error: new Error('at /?token=hunter2'),
    });
    expect(written.join('')).not.toContain('hunter2');
    expect(written.join('')).toContain('x=1');
  });

  test('says code and message of an error, and where a defect happened', () => {
    const { logger, parsed } = lines();
    const cause = new Error('the cause');
    logger.error('a', { error: new ProvisionerError('LIMIT_EXCEEDED', 'too many', { cause }) });
    logger.error('b', { error: new TypeError('defect') });
    expect(parsed()[0]?.['error']).toEqual({ code: 'LIMIT_EXCEEDED', message: 'too many', cause: 'the cause' });
    expect(parsed()[1]?.['error']).toEqual({ message: 'defect', stack: expect.stringContaining('pino-logger.test') });
  });
});
