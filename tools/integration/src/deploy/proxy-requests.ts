/** A request to the Docker Engine API through the proxy in front of it. */
interface ProxyRequest {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  /** JSON text, unless `contentType` says otherwise. */
  readonly body?: string;
  readonly contentType?: string;
}

const create = (what: string, body: string): ProxyRequest => ({
  what,
  method: 'POST',
  path: '/v1.41/containers/create?name=gp-test-refused',
  body,
});
const host = (what: string, settings: object): ProxyRequest =>
  create(what, JSON.stringify({ Image: 'gp-test/kernel-py', HostConfig: settings }));

/** What the proxy answers itself, with 403. */
export const refusedRequests: readonly ProxyRequest[] = [
  { what: 'a program in a container', method: 'POST', path: '/v1.41/containers/gp-test/exec', body: '{"Cmd":["id"]}' },
  { what: 'its start', method: 'POST', path: '/v1.41/exec/0123456789ab/start', body: '{}' },
  { what: 'attaching', method: 'POST', path: '/v1.41/containers/gp-test/attach?stream=1&stdin=1' },
  { what: 'reading files', method: 'GET', path: '/v1.41/containers/gp-test/archive?path=/etc' },
  { what: 'exporting', method: 'GET', path: '/v1.41/containers/gp-test/export' },
  { what: 'committing', method: 'POST', path: '/v1.41/commit?container=gp-test' },
  { what: 'other limits', method: 'POST', path: '/v1.41/containers/gp-test/update', body: '{"Memory":0}' },
  { what: 'a build', method: 'POST', path: '/v1.41/build?remote=http://127.0.0.1/' },
  { what: 'loading an image', method: 'POST', path: '/v1.41/images/load' },
  { what: 'importing an image', method: 'POST', path: '/v1.41/images/create?fromSrc=http://127.0.0.1/x.tar' },
  {
    what: 'importing an image by a form',
    method: 'POST',
    path: '/v1.41/images/create?fromImage=gp-test/nope',
    body: 'fromImage=&fromSrc=-',
    contentType: 'application/x-www-form-urlencoded',
  },
  { what: 'removing an image', method: 'DELETE', path: '/v1.41/images/gp-test/nope' },
  { what: 'a volume', method: 'POST', path: '/v1.41/volumes/create', body: '{"Name":"gp-test-refused"}' },
  { what: 'a network', method: 'POST', path: '/v1.41/networks/create', body: '{"Name":"gp-test-refused"}' },
  { what: 'joining a swarm', method: 'POST', path: '/v1.41/swarm/join', body: '{}' },
  { what: 'starting a swarm', method: 'POST', path: '/v1.41/swarm/init', body: '{}' },
  { what: 'what a config of the swarm holds', method: 'GET', path: '/v1.41/configs/gp-test-nobody' },
  { what: 'a service', method: 'POST', path: '/v1.41/services/create', body: '{"Name":"gp-test-refused"}' },
  { what: 'a plugin', method: 'POST', path: '/v1.41/plugins/pull?remote=x' },
  { what: 'a path in disguise', method: 'POST', path: '/v1.41/containers/%63reate', body: '{}' },
  { what: 'a doubled slash', method: 'POST', path: '//containers/create', body: '{}' },
  host('all rights', { Privileged: true }),
  host('a folder of the machine', { Binds: ['/:/host'] }),
  host('a mount of the machine', { Mounts: [{ Type: 'bind', Source: '/', Target: '/host' }] }),
  host('a volume that is a folder of the machine', {
    Mounts: [
      {
        Type: 'volume',
        Target: '/host',
        VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } } },
      },
    ],
  }),
  host('a capability', { CapAdd: ['SYS_ADMIN'] }),
  host('a device', { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] }),
  host('the processes of the machine', { PidMode: 'host' }),
  host('the network of the machine', { NetworkMode: 'host' }),
  host('the network of another container', { NetworkMode: 'container:gp-test' }),
  host('the volumes of another container', { VolumesFrom: ['gp-test'] }),
  host('no filter of system calls', { SecurityOpt: ['seccomp=unconfined'] }),
  host('one more security option', { SecurityOpt: ['no-new-privileges', 'apparmor=unconfined'] }),
  host('another runtime', { Runtime: 'custom' }),
  host('kernel parameters', { Sysctls: { 'net.ipv4.ip_forward': '1' } }),
  host('paths unmasked', { MaskedPaths: [] }),
  create('another case', '{"hostconfig":{"PRIVILEGED" : true}}'),
  create('an escaped name', '{"HostConfig":{"\\u0050rivileged":true}}'),
  create('a letter that Go folds', '{"HostConfig":{"Deviceſ":[{"PathOnHost":"/dev/sda"}]}}'),
  create('a name given twice', '{"HostConfig":{"Privileged":false},"HostConfig":{"Privileged":true}}'),
  create('spaces and lines', '{"HostConfig":{"Binds"\r\n\t:\n [\n"/:/host"]}}'),
];

const service = (what: string, settings: object): ProxyRequest => ({
  what,
  method: 'POST',
  path: '/v1.41/services/create',
  body: JSON.stringify({ Name: 'gp-test-refused', TaskTemplate: settings }),
});
const task = (what: string, settings: object): ProxyRequest =>
  service(what, { ContainerSpec: { Image: 'gp-test/kernel-py', ...settings } });

/** What the proxy answers itself with `ALLOW_SWARM=1` and `ALLOW_CONFIGS=1`. */
export const refusedSwarmRequests: readonly ProxyRequest[] = [
  { what: 'leaving the swarm', method: 'POST', path: '/v1.41/swarm/leave?force=1' },
  { what: 'the tokens of the swarm', method: 'GET', path: '/v1.41/swarm' },
  { what: 'changing a node', method: 'POST', path: '/v1.41/nodes/self/update?version=1', body: '{"Role":"manager"}' },
  { what: 'changing a service', method: 'POST', path: '/v1.41/services/x/update?version=1', body: '{}' },
  { what: 'all configs', method: 'GET', path: '/v1.41/configs' },
  { what: 'removing a config', method: 'DELETE', path: '/v1.41/configs/gp-test-nobody' },
  { what: 'a config', method: 'POST', path: '/v1.41/configs/create', body: '{"Name":"gp-test-refused","Data":"eA=="}' },
  { what: 'a volume', method: 'POST', path: '/v1.41/volumes/create', body: '{"Name":"gp-test-refused"}' },
  task('a mount of the machine', { Mounts: [{ Type: 'bind', Source: '/', Target: '/host' }] }),
  task('a capability', { CapabilityAdd: ['CAP_SYS_ADMIN'] }),
  task('kernel parameters', { Sysctls: { 'net.ipv4.ip_forward': '1' } }),
  task('no filter of system calls', { Privileges: { Seccomp: { Mode: 'unconfined' } } }),
  service('the network of the machine', {
    ContainerSpec: { Image: 'gp-test/kernel-py' },
    Networks: [{ Target: 'host' }],
  }),
  service('a plugin', { Runtime: 'plugin', PluginSpec: { Name: 'x', Remote: 'x' } }),
];

interface PassedRequest extends ProxyRequest {
  readonly status: number;
}

/** What reaches the manager of a swarm with `ALLOW_SWARM=1` and `ALLOW_CONFIGS=1`. */
export const passedSwarmRequests: readonly PassedRequest[] = [
  { what: 'a config by its name', method: 'GET', path: '/v1.41/configs/gp-test-nobody', status: 404 },
  { what: 'a service by its name', method: 'GET', path: '/v1.41/services/gp-test-nobody', status: 404 },
];

/** What reaches the engine, which then says no for reasons of its own. */
export const passedRequests: readonly PassedRequest[] = [
  { what: 'a ping', method: 'GET', path: '/_ping', status: 200 },
  { what: 'the version', method: 'GET', path: '/version', status: 200 },
  { what: 'a network', method: 'GET', path: '/v1.41/networks/no-such-network', status: 404 },
  { what: 'an image', method: 'GET', path: '/v1.41/images/gp-test/nope:1/json', status: 404 },
  { what: 'a signal', method: 'POST', path: '/v1.41/containers/gp-test-nobody/kill?signal=2', status: 404 },
  {
    ...create(
      'a container as kernels have it, with words of settings in its values',
      JSON.stringify({
        Image: 'gp-test/no-such-image:1',
        Env: ['TEXT="privileged": true, "Binds": ["/:/host"]', 'LINES=a\nb\u0007ß'],
        HostConfig: {
          NetworkMode: 'bridge',
          Mounts: [],
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
          Privileged: false,
          RestartPolicy: { Name: 'no' },
        },
      }),
    ),
    status: 404,
  },
];

/** Whether the proxy said no, for each of the requests: what is asked, the status, and whose answer it was. */
export interface ProxyAnswer {
  readonly what: string;
  readonly status: number;
  readonly byProxy: boolean;
}

/** As it should be for those that are refused. */
export const refusals = (requests: readonly ProxyRequest[]): readonly ProxyAnswer[] =>
  requests.map(({ what }) => ({ what, status: 403, byProxy: true }));

/** As it should be for those that pass. */
export const passes = (requests: readonly PassedRequest[]): readonly ProxyAnswer[] =>
  requests.map(({ what, status }) => ({ what, status, byProxy: false }));

/** Asks from within a container of the gateway; `docker` runs the CLI. */
export async function answersOfProxy(
  requests: readonly ProxyRequest[],
  {
    docker,
    container,
  }: { readonly docker: (...args: readonly string[]) => Promise<string>; readonly container: string },
): Promise<readonly ProxyAnswer[]> {
  const printed = await docker('exec', container, 'node', '-e', askProxy, JSON.stringify(requests));
  const answers = JSON.parse(printed) as readonly { readonly status: number; readonly text: string }[];
  return requests.map(({ what }, index) => {
    const { status = 0, text = '' } = answers[index] ?? {};
    return { what, status, byProxy: text.includes('the proxy of the engine') };
  });
}

/** Runs in the gateway's container: asks DOCKER_HOST, as the gateway does, and prints the statuses and messages. */
const askProxy = `
const { request } = require('node:http');
const ask = ({ method, path, body = '', contentType = 'application/json' }) =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(process.env.DOCKER_HOST.replace('tcp', 'http'));
    const headers = { 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
    const asking = request({ hostname, port, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    asking.on('error', reject).end(body);
  });
(async () => {
  const answers = [];
  for (const each of JSON.parse(process.argv[1])) answers.push(await ask(each));
  console.log(JSON.stringify(answers));
})();
`;
