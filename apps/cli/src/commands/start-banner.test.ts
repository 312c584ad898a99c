import { describe, expect, it } from '@jest/globals';
import { startBanner } from './start-banner.ts';

const url = 'http://127.0.0.1:8888/base/';
const kernels = ['deno', 'python3'];

describe('startBanner', () => {
  it('shows a generated token, and the line for JupyterLab', () => {
    const text = startBanner({ url, token: 'abc', tokenWasGenerated: true, kernels, defaultKernel: 'python3' });
    expect(text).toContain('Token: abc\n');
    expect(text).toContain('  jupyter lab --gateway-url=http://127.0.0.1:8888/base --GatewayClient.auth_token=abc\n');
    expect(text).toContain('Kernels: deno, python3 (default)');
  });

  it('keeps a chosen token to itself', () => {
    const text = startBanner({ url, token: 'secret', tokenWasGenerated: false, kernels, defaultKernel: 'x' });
    expect(text).not.toContain('secret');
    expect(text).toContain('--GatewayClient.auth_token=<token>');
  });

  it('says what is missing', () => {
    const text = startBanner({ url, token: undefined, tokenWasGenerated: false, kernels: [], defaultKernel: 'x' });
    expect(text).toContain('No authentication');
    expect(text).toContain('No kernels');
    expect(text).not.toContain('auth_token');
  });
});
