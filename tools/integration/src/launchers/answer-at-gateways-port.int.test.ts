import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { launcherPath } from '@gateway-provisioners/launchers';
import { openRawClient } from '../clients/raw-client.ts';
import { cliProgram } from '../support/gateway-under-test.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { startServer } from '../support/server-process.ts';
import { testPython } from '../support/test-environment.ts';

const TOKEN = 'one-port-token';

test('a kernel starts where launchers reach nothing but the gateway’s own port', async () => {
  await using scratch = await createScratchFolder();
  const data = await scratch.folder('data');
  const folder = join(data, 'kernels', 'elsewhere');
  await mkdir(folder, { recursive: true });
  const argv = [launcherPath('python'), '--kernel-id', '{kernel_id}', '--response-address', '{response_address}'];
  await writeFile(
    join(folder, 'kernel.json'),
    JSON.stringify({
      argv: [testPython(), ...argv, '--public-key', '{public_key}'],
      display_name: 'Elsewhere',
      language: 'python',
      metadata: {
        kernel_provisioner: { provisioner_name: 'distributed-provisioner', config: { remote_hosts: ['localhost'] } },
      },
    }),
  );
  const url = 'http://127.0.0.1:{port}';
  await using gateway = await startServer({
    python: testPython(),
    definition: {
      name: 'gateway-provisioners',
      command: [
        ...[process.execPath, cliProgram(), 'start', '--port', '{port}', '--token', TOKEN],
        ...['--launcher-url', url],
      ],
      url,
      token: TOKEN,
      env: {
        JUPYTER_PATH: data,
        GP_RESPONSE_IP: '127.0.0.1',
        GP_RESPONSE_PORT: '0',
        // Nobody listens there.
        GP_RESPONSE_ADVERTISED_ADDRESS: '127.0.0.1:9',
      },
    },
  });
  const response = await gateway.request('api/kernels', {
    method: 'POST',
    body: JSON.stringify({ name: 'elsewhere', env: { KERNEL_LAUNCH_TIMEOUT: '90' } }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`the kernel was not started: ${text}`);
  const body = JSON.parse(text) as { readonly id: string };
  await using client = await openRawClient({ server: gateway, kernelId: body.id });
  const request = {
    code: 'print(6 * 7)',
    silent: false,
    store_history: false,
    user_expressions: {},
    allow_stdin: false,
  };
  const cell = client.send('shell', 'execute_request', request);
  const printed = await client.message(
    ({ header, parent_header: parent }) => parent.msg_id === cell && header.msg_type === 'stream',
    'what the cell prints',
  );
  expect(printed.content['text']).toBe('42\n');
  expect((await gateway.request(`api/kernels/${body.id}`, { method: 'DELETE' })).status).toBe(204);
});
