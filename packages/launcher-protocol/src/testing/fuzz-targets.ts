import type { FuzzTarget } from '@gateway-provisioners/core/testing';
import { peerFuzzTargets } from './fuzz-peers.ts';
import { parserFuzzTargets } from './fuzz-parsers.ts';

/** Everything in this package that reads what a launcher, or somebody who is none, sent. */
export const fuzzTargets: readonly FuzzTarget[] = [...parserFuzzTargets, ...peerFuzzTargets];
