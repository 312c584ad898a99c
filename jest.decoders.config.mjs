import config from './jest.config.mjs';

/**
 * Whatever takes bytes or text from a peer, or from a file that others write too; beside each folder the tests that try
 * its decoders. What mixes decoding with connections is split: its decoder is a file of its own.
 */
const decoders = {
  core: {
    files: ['stored-connection-info', 'z85', 'ownership', 'remote/remote-state'],
    tests: ['curve-keys', 'ownership', 'stored-connection-info', 'remote/remote-state'],
  },
  wire: {
    files: [
      'connection-file',
      'connection-info',
      'kernel-message',
      'message-frames',
      'message-signer',
      'message-verifier',
      'framings/{v1-framing,default-framing,framing-rules,json-scanner}',
      'zmtp/{frame-decoder,command,greeting,zmtp-session}',
    ],
    tests: [
      '{connection-file,connection-info,kernel-message,message-frames,message-signer,message-verifier}',
      'framings/*',
      'testing/*',
      'zmtp/{frame-decoder,frame-encoder,zmtp-session}',
    ],
  },
  'launcher-protocol': {
    files: [
      'comm/{comm-messages,line-reader}',
      'crypto/{base64,json}',
      'listener/{host-port,payload-processor}',
      'payload/*',
    ],
    tests: ['comm/*', 'crypto/*', 'listener/{addresses,payload-processor}', 'payload/*', 'testing/*'],
  },
  launchers: {
    files: ['node-launcher/{box,comm-requests,launcher-v2,sealed-line}'],
    tests: ['node-launcher/vectors'],
  },
  kernelspec: { files: ['kernel-json', 'process-proxy'], tests: ['kernel-json', 'testing/*'] },
  'kernel-manager': { files: ['store/record-codec'], tests: ['store/record-codec', 'testing/*'] },
  'docker-engine': {
    files: [
      'config/{docker-config-file,docker-context,engine-config,json-members,registry-credentials}',
      '{image-reference,json-lines,log-frames,pull-progress}',
      'modem/{answers,resource-answers}',
      'modem/swarm/swarm-answers',
    ],
    tests: ['config/*', 'fuzzing/*', 'swarm/swarm-formats', 'wire-formats'],
  },
  'provisioner-distributed': {
    files: ['hosts/kernel-report', 'shell/run-program', 'ssh/{encrypted-key,known-hosts,ssh-config-file}'],
    tests: ['fuzzing/*', 'shell/run-program', 'ssh/{known-hosts,ssh-config-file}'],
  },
  'provisioner-local': {
    files: ['local-state', 'resource-usage'],
    tests: ['local-state', 'resource-usage'],
  },
};

const pathsOf = (kind, ending) =>
  Object.entries(decoders).flatMap(([folder, entry]) =>
    entry[kind].map((path) => `packages/${folder}/src/${path}${ending}`),
  );
const files = pathsOf('files', '.ts');

/** The decoders' own tests, with the branch coverage that each file must keep: `npm run test:decoders`. */
export default {
  ...config,
  testMatch: pathsOf('tests', '.test.ts').map((path) => `**/${path}`),
  collectCoverage: true,
  coverageProvider: 'v8',
  coverageReporters: ['text'],
  collectCoverageFrom: [...files, '!**/*.test.ts'],
  coverageThreshold: Object.fromEntries(files.map((path) => [`./${path}`, { branches: 95 }])),
};
