import type { JsonObject } from '@gateway-provisioners/core';
import { disturbDeep, fuzzTarget, mutateText } from '@gateway-provisioners/core/testing';
import type { FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import { parseKernelJson, toKernelJson } from '../kernel-json.ts';
import { enterpriseGatewaySpecs, gatewayProvisionersSpecs } from './shipped-specs.ts';

/** `kernel.json` as people and tools write it, with the stanzas of both gateways. */
export const fuzzTargets: readonly FuzzTarget[] = [fuzzTarget('kernel-json', 'KERNELSPEC_INVALID', tryKernelJson)];

const SAMPLES: readonly JsonObject[] = [
  ...enterpriseGatewaySpecs.map(({ spec }) => spec),
  ...gatewayProvisionersSpecs,
  {
    argv: ['python', '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
    display_name: 'Python',
    interrupt_mode: 'message',
    kernel_protocol_version: '5.5',
  },
];

function tryKernelJson(random: SeededRandom): boolean {
  const text = `${random.below(4) === 0 ? '\uFEFF' : ''}${JSON.stringify(disturbDeep(random.pick(SAMPLES), random))}`;
  const input = random.below(2) === 0 ? text : mutateText(text, random);
  const check = (holds: boolean, promise: string): void => {
    if (!holds) throw new Error(`${promise}; input: ${JSON.stringify(input)}`);
  };
  const spec = parseKernelJson(input, { name: 'Fuzz' });
  check(spec.name === 'fuzz', 'another name');
  check(
    [...spec.argv, ...Object.values(spec.env)].every((word) => !word.includes('\0')),
    'a NUL that no program can be given',
  );
  check(
    Object.keys(spec.env).every((name) => name !== '' && !name.includes('=')),
    'a variable without a name',
  );
  check(spec.provisioner.provisionerName !== '', 'a provisioner without a name');
  const shown = JSON.stringify(toKernelJson(spec));
  const again = parseKernelJson(shown, { name: 'Fuzz' });
  check(JSON.stringify(toKernelJson(again)) === shown, 'what clients are shown is read otherwise');
  check(
    JSON.stringify(again.provisioner) === JSON.stringify(spec.provisioner),
    'what clients are shown leads to another provisioner',
  );
  return true;
}
