import { randomUUID } from 'node:crypto';
import { chmod, cp, mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  ProvisionerError,
  ResourceStack,
  errorMessage,
  systemErrorCode,
  throwIfAborted,
} from '@gateway-provisioners/core';
import type { CallOptions } from '@gateway-provisioners/core';
import { RECORD_PATH, readImageRecord } from './image-record.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageFile, ImagePlan } from './plan-image.ts';

const LAUNCHERS = 'kernel-launchers';

/**
 * Puts launchers and bootstrap script in place: a copy of what is there is changed beside it, checked, and takes its
 * place with one rename for `kernel-launchers` and one for the script; when that fails, the old ones are back. Files of
 * others, and languages installed earlier, stay.
 * Errors: `FORBIDDEN` without permission, `INVALID_STATE`, `INVALID_ARGUMENT` when there can be no such folder.
 */
export async function installImageBootstrap(plan: ImagePlan, options: CallOptions = {}): Promise<void> {
  await change(plan.folder, async (staging) => {
    const before = await readImageRecord(plan.folder);
    await copyExisting(plan.folder, staging);
    // A new version of a jar has another name, and two of a kind cannot be told apart.
    for (const path of outdated(before, plan)) await rm(join(staging, path), { force: true });
    for (const file of plan.files) await writeChecked(staging, file);
    await writeRecord(staging, {
      languages: [...new Set([...(before?.languages ?? []), ...plan.languages])],
      files: {
        ...Object.fromEntries(
          Object.entries(before?.files ?? {}).filter(([path]) => !outdated(before, plan).includes(path)),
        ),
        ...Object.fromEntries(plan.files.map(({ path, sha256 }) => [path, { sha256 }])),
      },
    });
    throwIfAborted(options.signal);
    const script = plan.files.filter(({ path }) => !path.startsWith(`${LAUNCHERS}/`)).map(({ path }) => path);
    return [LAUNCHERS, ...script];
  });
}

/** Removes what was installed in a folder, and no file of others. Returns the removed paths; none when there is nothing. */
export async function removeImageBootstrap(folder: string, options: CallOptions = {}): Promise<readonly string[]> {
  const record = await readImageRecord(folder);
  if (record === undefined) return [];
  throwIfAborted(options.signal);
  const paths = [...Object.keys(record.files), RECORD_PATH];
  try {
    for (const path of paths) {
      await rm(join(folder, path), { force: true });
      await removeEmpty(folder, dirname(path));
    }
  } catch (error) {
    throw explain(folder, error);
  }
  return paths;
}

/** Runs `stage` on a new folder, then swaps the entries that it names. */
async function change(folder: string, stage: (staging: string) => Promise<readonly string[]>): Promise<void> {
  await using stack = new ResourceStack();
  try {
    const created = await mkdir(folder, { recursive: true });
    const staging = join(folder, `.~${randomUUID()}`);
    await mkdir(staging);
    let done = false;
    stack.defer(async () => {
      await rm(staging, { recursive: true, force: true });
      if (!done && created !== undefined) await rm(created, { recursive: true, force: true });
    });
    await swap({ folder, staging, names: await stage(staging) });
    done = true;
  } catch (error) {
    throw explain(folder, error);
  }
}

async function swap(parts: {
  readonly folder: string;
  readonly staging: string;
  readonly names: readonly string[];
}): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const name of parts.names) {
      const [place, old] = [join(parts.folder, name), join(parts.staging, `old-${name}`)];
      const existed = await rename(place, old).then(() => true, ignoreAbsence);
      if (existed) undo.unshift(() => rename(old, place));
      await rename(join(parts.staging, name), place);
      undo.unshift(() => rename(place, join(parts.staging, name)));
    }
  } catch (error) {
    for (const step of undo) await step();
    throw error;
  }
}

async function copyExisting(folder: string, staging: string): Promise<void> {
  const [from, to] = [join(folder, LAUNCHERS), join(staging, LAUNCHERS)];
  await cp(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true }).catch(ignoreAbsence);
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
}

/** Files of an earlier installation of the same languages that the plan no longer has. */
function outdated(before: ImageRecord | undefined, plan: ImagePlan): readonly string[] {
  const folders = new Set(plan.files.map(({ path }) => dirname(path)).filter((each) => each !== '.'));
  const planned = new Set(plan.files.map(({ path }) => path));
  // An assembly that was found earlier is not given up because none is found now.
  return Object.keys(before?.files ?? {}).filter((path) => {
    const isAssembly = path.includes('/toree-assembly-');
    if (isAssembly && !plan.files.some((file) => file.path.includes('/toree-assembly-'))) return false;
    return folders.has(dirname(path)) && !planned.has(path);
  });
}

async function writeChecked(staging: string, file: ImageFile): Promise<void> {
  const path = join(staging, file.path);
  // Whoever the image runs as must get there, whatever the umask is.
  for (let at = dirname(file.path); at !== '.'; at = dirname(at)) {
    await mkdir(join(staging, at), { recursive: true });
    await chmod(join(staging, at), 0o755);
  }
  await rm(path, { force: true, recursive: true });
  await writeFile(path, file.data);
  await chmod(path, file.executable ? 0o755 : 0o644);
  if (file.data.equals(await readFile(path))) return;
  throw new ProvisionerError('INVALID_STATE', `${file.path} was not written as it should be; is the disk full?`);
}

async function writeRecord(staging: string, record: ImageRecord): Promise<void> {
  await writeFile(join(staging, RECORD_PATH), `${JSON.stringify(record, null, 2)}\n`);
}

async function removeEmpty(folder: string, path: string): Promise<void> {
  for (let at = path; at !== '.' && at !== ''; at = dirname(at)) {
    const names = await readdir(join(folder, at)).catch(() => ['unreadable']);
    if (names.length > 0) return;
    await rmdir(join(folder, at));
  }
}

function ignoreAbsence(error: unknown): false {
  if (systemErrorCode(error) === 'ENOENT') return false;
  throw error;
}

function explain(folder: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  if (error instanceof ProvisionerError || code === undefined) return error;
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  const message = `${folder} cannot be changed: ${errorMessage(error)}`;
  return new ProvisionerError(denied ? 'FORBIDDEN' : 'INVALID_ARGUMENT', message, { cause: error });
}
