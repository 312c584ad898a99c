import { randomBytes } from 'node:crypto';
import { kernelId } from './common.mjs';
import { version2Answer } from './version2-answer.mjs';
import { version2Comm } from './version2-comm.mjs';

export function version2() {
  const commKey = randomBytes(32);
  return { kernel_id: kernelId, answer: version2Answer(commKey), comm: version2Comm(commKey) };
}
