// Runs `npm start` as the README says, waits for the printed URL and token, runs one cell in the embedded kernel over
// the WebSocket, and stops the gateway. Exits 0 only if the cell answered and nothing was left running.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';

const WebSocket = createRequire(new URL('../apps/gateway/package.json', import.meta.url))('ws');
// Most of it is the build, before the gateway starts: a net that is wide enough for a slow machine.
const deadline = setTimeout(() => fail('not done within 600 s'), 600_000);
const child = spawn('npm', ['start', '--', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
let output = '';

function fail(reason) {
  console.error(`README start failed: ${reason}\n${output}`);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
  process.exit(1);
}

process.on('uncaughtException', (error) => fail(error.stack));

/** What is left of npm's process group, whose shell and gateway may end after npm itself. */
async function leftOfGroup(group) {
  const left = [];
  for (const pid of await readdir('/proc')) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const [state, , itsGroup] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    if (Number(itsGroup) === group && state !== 'Z') left.push(pid);
  }
  return left;
}

const started = new Promise((resolve) => {
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => {
    output += text;
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
    const token = /token[=:\s]+([\w-]{20,})/i.exec(output)?.[1];
    const lab = /jupyter lab .*--gateway-url/.test(output);
    if (url !== undefined && token !== undefined && lab) resolve({ url, token });
  });
});
child.on('exit', (code) => fail(`npm start ended with ${code}`));

const { url, token } = await started;
const headers = { Authorization: `token ${token}` };
const anonymous = await fetch(`${url}/api/kernels`);
if (anonymous.status !== 401) fail(`without a token: HTTP ${anonymous.status}`);
const specs = await (await fetch(`${url}/api/kernelspecs`, { headers })).json();
if (specs.kernelspecs?.deno === undefined) fail(`no embedded kernel: ${JSON.stringify(specs)}`);
const created = await fetch(`${url}/api/kernels`, { method: 'POST', headers, body: JSON.stringify({ name: 'deno' }) });
if (created.status !== 201) fail(`POST /api/kernels: HTTP ${created.status} ${await created.text()}`);
const { id } = await created.json();
const socket = new WebSocket(`${url.replace('http', 'ws')}/api/kernels/${id}/channels`, { headers });
await once(socket, 'open');
const answer = new Promise((resolve) => {
  socket.on('message', (data, binary) => {
    if (binary) return;
    const message = JSON.parse(data.toString());
    if (message.msg_type === 'execute_result') resolve(message.content.data['text/plain']);
  });
});
const header = { msg_id: 'readme-1', msg_type: 'execute_request', session: 'readme', username: '', version: '5.3' };
const content = { code: '6 * 7', silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
socket.send(JSON.stringify({ channel: 'shell', header, parent_header: {}, metadata: {}, content }));
const text = await answer;
if (!text.includes('42')) fail(`the cell answered ${text}`);
socket.close();
child.removeAllListeners('exit');
const ended = once(child, 'exit');
process.kill(-child.pid, 'SIGTERM');
await ended;
if (process.platform === 'linux') {
  while ((await leftOfGroup(child.pid)).length > 0) await delay(50);
}
clearTimeout(deadline);
console.log(`README start: ${url} answered 6 * 7 = ${text}`);
