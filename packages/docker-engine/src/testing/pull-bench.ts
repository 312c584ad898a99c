import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { configFromEnv } from '../config/engine-config.ts';
import type { DockerEngine } from '../engine.ts';
import { openDockerEngine } from '../open-docker-engine.ts';
import { putRegistryImage } from './registry-image.ts';

const run = promisify(execFile);
const settings = process.env;

/** A setting of the testbeds. */
export function required(name: string): string {
  const value = settings[name];
  if (value === undefined) throw new Error(`${name} is not set: eval "$(tools/testbeds/registry.sh env)"`);
  return value;
}

/** An engine, a folder with a Docker configuration, and images that are removed from the engine at the end. */
export class PullBench implements AsyncDisposable {
  readonly engine: DockerEngine;
  readonly name: string;
  readonly #host: string;
  readonly #folder: string;

  private constructor(parts: { engine: DockerEngine; name: string; host: string; folder: string }) {
    this.engine = parts.engine;
    this.name = parts.name;
    this.#host = parts.host;
    this.#folder = parts.folder;
  }

  static async open(
    options: { host?: string; name?: string; config?: unknown; helper?: string } = {},
  ): Promise<PullBench> {
    const host = options.host ?? required('DOCKER_HOST');
    const folder = await mkdtemp(join(tmpdir(), 'gp-pull-'));
    await writeFile(join(folder, 'config.json'), JSON.stringify(options.config ?? {}));
    if (options.helper !== undefined) {
      await writeFile(join(folder, 'docker-credential-gptest'), options.helper, { mode: 0o755 });
    }
    const PATH = `${folder}:${settings['PATH'] ?? ''}`;
    const engine = openDockerEngine(await configFromEnv({ DOCKER_HOST: host, DOCKER_CONFIG: folder, PATH }));
    const name = options.name ?? `gp-test/pull-${randomUUID().slice(0, 8)}`;
    return new PullBench({ engine, name, host, folder });
  }

  /** Puts an image into a registry; returns its name as this engine is to say it. */
  async put(layerBytes: readonly number[], { registry, via }: { registry?: string; via?: string } = {}) {
    const to = registry ?? required('GP_TEST_REGISTRY');
    const user = { name: required('GP_TEST_REGISTRY_USER'), password: required('GP_TEST_REGISTRY_PASSWORD') };
    await putRegistryImage({ registry: to, name: this.name, layerBytes, user });
    return `${via ?? to}/${this.name}:1`;
  }

  async images(): Promise<readonly string[]> {
    const { stdout } = await run('docker', [
      '-H',
      this.#host,
      'images',
      '-q',
      '--filter',
      'reference=*/gp-test/pull-*',
    ]);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const format = ['--format', '{{.Repository}}:{{.Tag}}', '--filter', `reference=*/${this.name}`];
    const { stdout } = await run('docker', ['-H', this.#host, 'images', ...format]);
    for (const image of stdout.split('\n').filter((line) => line !== '')) {
      await run('docker', ['-H', this.#host, 'rmi', '-f', image]);
    }
    await this.engine[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}
