import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { closestNames, suggestion } from './closest-names.ts';

const kernelspecs = ['python3', 'ir', 'spark_python_yarn_cluster', 'deno', 'python_docker'];

describe('closestNames', () => {
  it('finds misspelt names, best first', () => {
    expect(closestNames('pyhton3', kernelspecs)).toEqual(['python3']);
    expect(closestNames('Python', kernelspecs)).toEqual(['python3', 'python_docker']);
    expect(closestNames('dneo', kernelspecs)).toEqual(['deno']);
  });

  it('suggests nothing far-fetched', () => {
    expect(closestNames('julia', kernelspecs)).toEqual([]);
    expect(suggestion('julia', kernelspecs)).toBe('');
    expect(suggestion('pyton3', kernelspecs)).toBe('; did you mean "python3"?');
  });

  it('ignores names that are too long to be compared', () => {
    expect(closestNames('p'.repeat(1_000_000), ['p'.repeat(1_000_000)])).toEqual([]);
  });

  it('always finds the name itself first, and a name with one letter missing', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{4,12}$/), fc.nat(), (name, at) => {
        const place = at % name.length;
        expect(closestNames(name, [...kernelspecs, name])[0]).toBe(name);
        expect(closestNames(name.slice(0, place) + name.slice(place + 1), [name])).toEqual([name]);
      }),
    );
  });
});
