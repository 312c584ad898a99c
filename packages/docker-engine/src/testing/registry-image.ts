import { createHash, randomBytes } from 'node:crypto';
import { constants, gzipSync } from 'node:zlib';
import { tarArchive } from '../tar-archive.ts';

export interface RegistryImageOptions {
  /** `127.0.0.1:5055` */
  readonly registry: string;
  /** `gp-test/some-image` */
  readonly name: string;
  /** How large each layer is; it cannot be compressed. */
  readonly layerBytes: readonly number[];
  readonly user?: { readonly name: string; readonly password: string };
}

const TYPES = 'application/vnd.docker';

/** Puts a new image with the tag `1` into a registry, by the Registry API v2. Nothing in it can be run. */
export async function putRegistryImage(options: RegistryImageOptions): Promise<void> {
  const { registry, name, layerBytes, user } = options;
  const authorization =
    user === undefined ? '' : `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
  const base = `http://${registry}/v2/${name}`;

  const send = async (url: string, method: string, { body, type }: { body?: Buffer; type?: string } = {}) => {
    const headers = { authorization, 'content-type': type ?? 'application/octet-stream' };
    const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
    if (!response.ok) throw new Error(`${method} ${url}: ${String(response.status)} ${await response.text()}`);
    return response;
  };
  const putBlob = async (body: Buffer, mediaType: string) => {
    const location = new URL((await send(`${base}/blobs/uploads/`, 'POST')).headers.get('location') ?? '', base);
    const digest = digestOf(body);
    location.searchParams.set('digest', digest);
    await send(location.href, 'PUT', { body });
    return { mediaType, size: body.length, digest };
  };

  const tars = layerBytes.map((bytes, index) =>
    tarArchive([{ path: `/layer-${String(index)}`, content: randomBytes(bytes), mode: 0o444, uid: 0, gid: 0 }]),
  );
  const layers = [];
  for (const tar of tars) {
    layers.push(
      await putBlob(gzipSync(tar, { level: constants.Z_NO_COMPRESSION }), `${TYPES}.image.rootfs.diff.tar.gzip`),
    );
  }
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['/none'] },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
    history: tars.map(() => ({ created_by: 'test' })),
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: `${TYPES}.distribution.manifest.v2+json`,
    config: await putBlob(Buffer.from(JSON.stringify(config)), `${TYPES}.container.image.v1+json`),
    layers,
  };
  const body = Buffer.from(JSON.stringify(manifest));
  await send(`${base}/manifests/1`, 'PUT', { body, type: manifest.mediaType });
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
