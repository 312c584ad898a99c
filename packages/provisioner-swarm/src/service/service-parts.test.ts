import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { MountOptions } from '../settings/service-options.ts';
import { mount as mountSchema } from '../settings/service-options.ts';
import { serviceMount } from './service-mounts.ts';
import { ownerDigest, secretName, serviceName } from './service-name.ts';
import { asSwarmPart, asSwarmText, fill, matches, unfilled } from './templates.ts';

const values = { name: 'digest', username: 'alice', kernel_id: 'k', kernel_name: 'py', password: 's{ecret}' };

describe('names of services', () => {
  const dnsName = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/;

  it('say whose they are and which kernel it is', () => {
    const kernelId = '7a3bbd2d-0bb9-4d4a-8a3c-000000000001';
    const kernel = { instanceId: 'gw', kernelId, incarnation: 1, owner: 'Älice' };
    const digest = ownerDigest('Älice');
    expect(digest).toMatch(/^[0-9a-f]{12}$/);
    expect(serviceName(kernel)).toBe(`jupyter-${digest}-${kernelId}`);
    expect(serviceName({ ...kernel, incarnation: 12 }, 'jupyterhub')).toBe(`jupyterhub-${digest}-${kernelId}-12`);
  });

  it('are valid and at most 63 characters, whatever the user and the kernel are called', () => {
    const kernel = fc.record({
      instanceId: fc.string(),
      owner: fc.string(),
      kernelId: fc.oneof(fc.uuid(), fc.string()),
      incarnation: fc.integer({ min: 1 }),
    });
    fc.assert(
      fc.property(kernel, fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9-]{0,11}$/), (given, prefix) => {
        for (const name of [serviceName(given, prefix), secretName(serviceName(given, prefix))]) {
          expect(name.length).toBeLessThanOrEqual(63);
          expect(name).toMatch(dnsName);
        }
      }),
    );
  });

  it('differ for different kernels, incarnations and users', () => {
    const kernel = fc.record({
      owner: fc.string({ maxLength: 2 }),
      kernelId: fc.oneof(fc.stringMatching(/^[a-b-]{1,3}$/), fc.string({ maxLength: 2 }), fc.string({ minLength: 60 })),
      incarnation: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(kernel, kernel, (one, two) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(two));
        expect(serviceName({ instanceId: 'gw', ...one })).not.toBe(serviceName({ instanceId: 'gw', ...two }));
      }),
      { numRuns: 500 },
    );
  });
});

describe('placeholders', () => {
  it('are replaced where they are known; braces of the swarm and values are left alone', () => {
    expect(fill('{name}/{username}/{unknown}/{{.Node.ID}}/{{name}}/{password}', values)).toBe(
      'digest/alice/{unknown}/{{.Node.ID}}/{{name}}/s{ecret}',
    );
    expect(unfilled('{a} {{b}} {c}{d}')).toEqual(['a', 'c', 'd']);
    expect(fill('{toString}{constructor}', values)).toBe('{toString}{constructor}');
  });

  it('let no value become a template of the swarm, and change none', () => {
    const text = fc
      .array(fc.constantFrom('{', '{{', '}}', '.Node.ID', 'x', ' '), { maxLength: 12 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (value) => {
        expect(goTemplate(asSwarmText(value))).toBe(value);
        expect(goTemplate(fill('{a}{b}', { a: value, b: value }, asSwarmPart))).toBe(value + value);
      }),
    );
  });

  it('`*` in a pattern is any text, and nothing else in it means anything', () => {
    expect(matches('a.b', 'a*')).toBe(true);
    expect(matches('axb', 'a.b')).toBe(false);
    expect(matches('xa', 'a*')).toBe(false);
  });
});

/** As text/template reads it, for actions that are a text: any other is what must not be there. */
function goTemplate(template: string): string {
  return template.replace(/\{\{(?:"([^"]*)"\}\})?/g, (whole, text: string | undefined) => {
    if (text === undefined) throw new Error(`an action: ${whole}`);
    return text;
  });
}

describe('mounts', () => {
  const sshfs = (options: Record<string, string>): MountOptions => ({
    type: 'volume',
    source: 'ssh-{name}',
    target: '/home/jovyan/work',
    driver_config: { name: 'ucphhpc/sshfs:latest', options },
  });

  it('of SwarmSpawner’s documentation are read: bind, volume, nameless, tmpfs, sshfs', () => {
    const read = (given: unknown) => serviceMount(mountSchema.parse(given), values);
    expect(read({ type: 'bind', source: '/srv/{username}', target: '/w', read_only: true })).toEqual({
      mount: { type: 'bind', source: '/srv/alice', target: '/w', readOnly: true },
      autoremove: false,
    });
    expect(read({ type: 'volume', source: 'user-{name}', target: '/w', label: { autoremove: 'True' } })).toEqual({
      mount: { type: 'volume', source: 'user-digest', target: '/w', labels: { autoremove: 'True' } },
      autoremove: true,
    });
    expect(read({ type: 'volume', source: 'v', target: '/w', labels: { keep: 'False' } }).autoremove).toBe(true);
    expect(read({ type: 'volume', source: 'v', target: '/w', labels: { keep: 'True' } }).autoremove).toBe(false);
    expect(read({ type: 'volume', source: '', target: '/w' })).toEqual({
      mount: { type: 'volume', target: '/w' },
      autoremove: false,
    });
    expect(read({ type: 'tmpfs', source: '', target: '/t', tmpfs_size: '1m', tmpfs_mode: 0o700 }).mount).toEqual({
      ...{ type: 'tmpfs', target: '/t', sizeBytes: 1024 ** 2, mode: 0o700 },
    });
    const options = {
      sshcmd: 'alice@files:',
      password: '{password}',
      big_writes: '',
      allow_other: '',
      autoremove: 'True',
    };
    expect(serviceMount(sshfs(options), values)).toEqual({
      mount: {
        type: 'volume',
        source: 'ssh-digest',
        target: '/home/jovyan/work',
        labels: { autoremove: 'True' },
        driver: 'ucphhpc/sshfs:latest',
        driverOptions: {
          port: '22',
          sshcmd: 'alice@files:',
          password: 's{{"{"}}ecret}',
          big_writes: '',
          allow_other: '',
        },
      },
      autoremove: true,
    });
  });

  it.each([
    [{ password: 'x' }, /sshcmd/],
    [{ sshcmd: 'a@b:' }, /exactly one/],
    [{ sshcmd: 'a@b:', id_rsa: 'x', password: 'y' }, /exactly one/],
    [{ sshcmd: 'a@b:', password: '' }, /exactly one/],
    [{ sshcmd: 'a@b:', password: 'x', port: 'ssh' }, /port/],
    [{ sshcmd: '{sshcmd}', password: 'x' }, /nothing is known for \{sshcmd\}/],
  ])('of sshfs with %j are refused', (options, words) => {
    expect(() => serviceMount(sshfs(options), values)).toThrow(words);
  });

  it('of a user without data are refused, and the data are not in the message', () => {
    const empty = { ...values, sshcmd: '' };
    expect(() => serviceMount(sshfs({ sshcmd: '{sshcmd}', password: '{password}' }), empty)).toThrow(
      /^(?!.*s\{ecret).*sshcmd is empty for this user/,
    );
  });

  it('of a user whose name would be another path are refused', () => {
    const bind: MountOptions = { type: 'bind', source: '/srv/{username}', target: '/w' };
    for (const username of ['../bob', '.', '..', 'a/b', '', 'a\0b', '{{.Node.ID}}']) {
      expect(() => serviceMount(bind, { ...values, username })).toThrow(/name cannot be part of a path/);
    }
  });
});
