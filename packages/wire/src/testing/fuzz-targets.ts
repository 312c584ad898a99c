import type { FuzzTarget } from '@gateway-provisioners/core/testing';
import { decoderFuzzTargets } from './decoder-fuzz-targets.ts';
import { zmtpFuzzTargets } from './zmtp-fuzz-targets.ts';

/** Every decoder of this package, for the fuzzing in CI and the soak. */
export const fuzzTargets: readonly FuzzTarget[] = [...decoderFuzzTargets, ...zmtpFuzzTargets];
