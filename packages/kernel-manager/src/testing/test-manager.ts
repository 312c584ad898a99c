import { ProvisionerError } from '@gateway-provisioners/core';
import type { KernelSpec } from '@gateway-provisioners/core';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { openManagerSources } from '../manager/manager-sources.ts';
import { Manager } from '../manager/manager.ts';
import type { KernelManagerOptions, KernelSpecSource } from '../options.ts';
import { memoryStore } from '../store/memory-store.ts';
import type { ConnectOptions, Kernel, KernelClient, MessageSink } from '../types.ts';
import { FakeBackend } from './fake-backend.ts';

export function testSpec(overrides: Partial<KernelSpec> = {}): KernelSpec {
  return {
    name: 'fake',
    argv: ['fake'],
    env: {},
    displayName: 'Fake',
    language: 'Fake',
    interruptMode: 'signal',
    metadata: {},
    extra: {},
    provisioner: { provisionerName: 'fake-provisioner', config: {} },
    ...overrides,
  };
}

export function specSource(...specs: readonly KernelSpec[]): KernelSpecSource {
  return {
    find: (name) => {
      const spec = specs.find((each) => each.name === name.toLowerCase());
      if (spec !== undefined) return Promise.resolve(spec);
      return Promise.reject(new ProvisionerError('KERNELSPEC_NOT_FOUND', `no kernelspec ${name}`));
    },
    list: () => Promise.resolve({ specs }),
    defaultName: () => Promise.resolve(specs[0]?.name ?? ''),
  };
}

export interface TestManagerOptions extends Partial<KernelManagerOptions> {
  readonly backend?: FakeBackend;
  readonly spec?: KernelSpec;
}

/** A manager over a {@link FakeBackend}, with no sockets. */
export async function testManager(
  options: TestManagerOptions = {},
): Promise<{ readonly manager: Manager; readonly backend: FakeBackend }> {
  const { backend = new FakeBackend(), spec = testSpec(), ...rest } = options;
  const store = rest.store ?? memoryStore();
  const instanceId = await store.open({ instanceId: rest.instanceId });
  const given = {
    registry: { provisionerFor: () => Promise.resolve(backend) },
    kernelspecs: specSource(spec),
    ...rest,
  };
  const sources = await openManagerSources(given, { instanceId });
  const manager = new Manager({ options: given, store, sources, instanceId, openChannels: backend.openChannels });
  return { manager, backend };
}

/** A client that remembers all it was given. */
export class TestClient implements MessageSink {
  readonly messages: KernelMessage[] = [];
  readonly ends: string[] = [];
  readonly client: KernelClient;
  /** False: it asks for a pause after each batch. */
  isReading = true;

  constructor(kernel: Kernel, options: Partial<ConnectOptions> = {}) {
    this.client = kernel.connect({ sink: this, ...options });
  }

  write(batch: readonly KernelMessage[]): boolean {
    this.messages.push(...batch);
    return this.isReading;
  }

  end(reason: string): void {
    this.ends.push(reason);
  }

  read(): void {
    this.isReading = true;
    this.client.resume();
  }

  /** `status:idle`, `stream:text`, or the type alone. */
  get seen(): readonly string[] {
    return this.messages.map(describeMessage);
  }
}

export function describeMessage(message: KernelMessage): string {
  const type = message.header.msg_type;
  const content = message.parseContent();
  if (type === 'status') return `status:${String(content['execution_state'])}`;
  if (type === 'stream') return `stream:${String(content['text'])}`;
  return type;
}
