import { timingSafeEqual } from 'node:crypto';
import { errorMessage } from '@gateway-provisioners/core';
import type { CommState, LauncherAnswer, Logger } from '@gateway-provisioners/core';
import { openComm } from '../comm/open-comm.ts';
import type { CommOptions } from '../comm/comm-options.ts';
import { encodeBase64 } from '../crypto/base64.ts';
import type { BoxKeys } from '../crypto/nacl.ts';
import type { ResponseKeys } from '../crypto/rsa-keys.ts';
import { parseLauncherInfo } from '../payload/launcher-info.ts';
import type { LauncherInfo } from '../payload/launcher-info.ts';
import { decodeVersion0 } from '../payload/version0.ts';
import { decodeVersion1 } from '../payload/version1.ts';
import { encodeReply, openEnvelope, parseEnvelope, refusedLine } from '../payload/version2.ts';
import type { EnvelopeContent } from '../payload/version2.ts';
import type { Counters, RefusalReason } from './counters.ts';
import { plainAddress } from './peer-list.ts';
import type { Registration, Registrations } from './registration.ts';

export interface ProcessorOptions {
  readonly registrations: Registrations;
  readonly counters: Counters;
  readonly responseKeys: ResponseKeys;
  readonly boxKeys: BoxKeys;
  readonly acceptVersion0: boolean;
  readonly comm: CommOptions;
  readonly logger: Logger;
}

/** Where a payload came from. */
export interface PayloadSource {
  /** Of the peer; undefined when it came through HTTP. */
  readonly address: string | undefined;
  /** The only registration that it may be for; any when undefined. */
  readonly only?: Registration;
}

export interface PayloadOutcome {
  readonly accepted: boolean;
  /** To be written to the peer. Always undefined for versions 0 and 1, whose launchers must not be answered. */
  readonly reply: string | undefined;
}

interface Candidate {
  readonly version: 0 | 1 | 2;
  readonly kernelId: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly commKey?: Uint8Array;
}

const refusedSilently: PayloadOutcome = { accepted: false, reply: undefined };

/** Decides over one payload: whose it is, whether it may be, and what the launcher hears. Never throws. */
export class PayloadProcessor {
  readonly #options: ProcessorOptions;

  constructor(options: ProcessorOptions) {
    this.#options = options;
  }

  process(payload: string, source: PayloadSource): PayloadOutcome {
    return payload.trimStart().startsWith('{') ? this.#version2(payload, source) : this.#older(payload, source);
  }

  #older(payload: string, source: PayloadSource): PayloadOutcome {
    const { responseKeys, registrations, acceptVersion0, logger } = this.#options;
    const fields = decodeVersion1(payload, responseKeys.privateKey);
    const legacy =
      fields === undefined && acceptVersion0 ? decodeVersion0(payload, registrations.waitingIds()) : undefined;
    if (legacy !== undefined) {
      logger.warn('a launcher answered in version 0 of the protocol, which anybody can forge: replace it', {
        kernelId: legacy.kernelId,
      });
      return this.#take({ version: 0, kernelId: legacy.kernelId, fields: legacy.info }, source);
    }
    if (fields === undefined) return this.#refuse('undecodable', source);
    const kernelId = fields['kernel_id'];
    if (typeof kernelId !== 'string') return this.#refuse('unknown-kernel', source);
    return this.#take({ version: 1, kernelId, fields }, source);
  }

  #take(candidate: Candidate, source: PayloadSource): PayloadOutcome {
    const registration = this.#find(candidate, source);
    if (typeof registration === 'string') return this.#refuse(registration, source, candidate.kernelId);
    if (!registration.isWaiting) return this.#refuse('already-answered', source, candidate.kernelId);
    const problem = this.#accept(candidate, registration, source);
    return { accepted: problem === undefined, reply: undefined };
  }

  #version2(payload: string, source: PayloadSource): PayloadOutcome {
    const envelope = parseEnvelope(payload);
    if (envelope === undefined) return this.#refuse('undecodable', source);
    const { kernelId } = envelope;
    const registration = this.#find({ version: 2, kernelId }, source);
    if (typeof registration === 'string') return this.#refuseAloud(registration, source, kernelId);
    const opened = openEnvelope(envelope, this.#options.boxKeys.secretKey);
    if (opened === undefined || !isFor(opened.content, registration)) {
      return this.#refuseAloud('not-authentic', source, kernelId);
    }
    const { content, shared } = opened;
    if (!registration.isWaiting) {
      this.#refuse('already-answered', source, kernelId);
      const message = 'a launcher has already answered for this kernel';
      return {
        accepted: false,
        reply: encodeReply(kernelId, { ok: false, error: 'already_answered', message }, shared),
      };
    }
    const commKey = content.commKey === undefined ? {} : { commKey: content.commKey };
    const message = this.#accept({ version: 2, kernelId, fields: content.fields, ...commKey }, registration, source);
    if (message === undefined) return { accepted: true, reply: encodeReply(kernelId, { ok: true }, shared) };
    return { accepted: false, reply: encodeReply(kernelId, { ok: false, error: 'invalid', message }, shared) };
  }

  #find(
    { kernelId, version }: Pick<Candidate, 'kernelId' | 'version'>,
    { address, only }: PayloadSource,
  ): Registration | RefusalReason {
    const registration = this.#options.registrations.get(kernelId);
    if (registration === undefined || (only !== undefined && only !== registration)) return 'unknown-kernel';
    const { protocol, isExpectedPeer } = registration.options;
    if (protocol !== 'auto' && protocol !== (version === 2 ? 2 : 1)) return 'wrong-protocol';
    // Over HTTP the token has shown whose answer it is; the address would be a proxy's.
    if (address !== undefined && isExpectedPeer !== undefined && !isExpectedPeer(address)) return 'foreign-peer';
    return registration;
  }

  /** Settles the registration; returns the problem when the information cannot be used. */
  #accept(candidate: Candidate, registration: Registration, source: PayloadSource): string | undefined {
    const { registrations, counters, logger } = this.#options;
    const { version, kernelId } = candidate;
    let answer: LauncherAnswer;
    try {
      const info = parseLauncherInfo(candidate.fields);
      answer = this.#toAnswer(info, { candidate, registration, source });
      if (info.droppedCurveKeys) {
        logger.warn('the CurveZMQ keys of a launcher are not a usable pair and were left out', { kernelId, version });
      }
    } catch (error) {
      registration.lastRefusal = errorMessage(error);
      this.#refuse('invalid-info', source, kernelId);
      return registration.lastRefusal;
    }
    counters.accepted[version] += 1;
    registrations.settle(registration, answer);
    logger.debug('a launcher answered', { kernelId, version, peer: answer.peerAddress });
    return undefined;
  }

  #toAnswer(
    { connection, pid, pgid, commPort, kernelId }: LauncherInfo,
    about: { readonly candidate: Candidate; readonly registration: Registration; readonly source: PayloadSource },
  ): LauncherAnswer {
    const { version, commKey } = about.candidate;
    const peer = about.source.address === undefined ? undefined : plainAddress(about.source.address);
    const isWildcard = connection.ip === '0.0.0.0' || connection.ip === '::';
    const host = isWildcard ? (peer ?? connection.ip) : connection.ip;
    const comm = commState({ kernelId, host, commPort, commKey, version, leaseMs: about.registration.options.leaseMs });
    return {
      connection,
      version,
      ...(pid === undefined ? {} : { pid }),
      ...(pgid === undefined ? {} : { pgid }),
      ...(peer === undefined ? {} : { peerAddress: peer }),
      ...(comm === undefined ? {} : { comm: openComm(comm, this.#options.comm) }),
    };
  }

  #refuse(reason: RefusalReason, { address }: PayloadSource, kernelId?: string): PayloadOutcome {
    const { counters, logger, registrations } = this.#options;
    counters.refused[reason] += 1;
    // What is merely noise must not fill the log; what names a launch of ours deserves a line.
    const isOurs = kernelId !== undefined && registrations.get(kernelId) !== undefined;
    const level = isOurs ? 'warn' : 'debug';
    logger[level]("a launcher's answer was refused", {
      reason,
      peer: address,
      kernelId: isOurs ? kernelId : undefined,
    });
    return refusedSilently;
  }

  #refuseAloud(reason: RefusalReason, source: PayloadSource, kernelId: string): PayloadOutcome {
    return { ...this.#refuse(reason, source, kernelId), reply: refusedLine };
  }
}

function isFor(content: EnvelopeContent, { options, token }: Registration): boolean {
  return content.kernelId === options.kernelId && timingSafeEqual(content.token, token);
}

interface CommDetails {
  readonly kernelId: string;
  readonly host: string;
  readonly commPort: number | undefined;
  readonly commKey: Uint8Array | undefined;
  readonly version: 0 | 1 | 2;
  readonly leaseMs: number;
}

/** A launcher of version 2 that names a port but no key cannot be talked to: it has no listener for us. */
function commState({ kernelId, host, commPort: port, commKey, version, leaseMs }: CommDetails): CommState | undefined {
  if (port === undefined) return undefined;
  if (version !== 2) return { version: 1, kernelId, host, port };
  return commKey === undefined ? undefined : { version: 2, kernelId, host, port, key: encodeBase64(commKey), leaseMs };
}
