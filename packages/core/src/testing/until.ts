import { delay, withDeadline } from '../deadline.ts';

const TIMEOUT_MS = 60_000;
const PAUSE_MS = 50;

/**
 * Looks again and again at what cannot be subscribed to, such as the state of a real engine. Errors: `DEADLINE_EXCEEDED`
 * after a minute; what `isSo` throws.
 */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  await withDeadline({ what, timeoutMs: TIMEOUT_MS }, async ({ signal }) => {
    while (!(await isSo())) await delay(PAUSE_MS, { signal });
  });
}
