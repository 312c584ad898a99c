import { isProvisionerError } from '@gateway-provisioners/core';
import type { LogFields } from '@gateway-provisioners/core';

/**
 * Names of fields whose text may stand in a log. Everything else that is text is masked: a secret under a name that
 * nobody thought of stays out, at the price of a mask where a harmless new field was forgotten here.
 */
const shownFields: ReadonlySet<string> = new Set([
  'address',
  'advice',
  'attached',
  'attempt',
  'channel',
  'clientKey',
  'code',
  'engine',
  'exit',
  'exitReason',
  'framing',
  'gatewayVersion',
  'incarnation',
  'instanceId',
  'kernelId',
  'kernelName',
  'kernelspec',
  'level',
  'lost',
  'messageType',
  'method',
  'msgType',
  'name',
  'owner',
  'path',
  'phase',
  'provisioner',
  'provisionerName',
  'reaped',
  'reason',
  'remote',
  'requestId',
  'resourceId',
  'signal',
  'state',
  'status',
  'unreachable',
  'url',
  'user',
  'variables',
  'why',
]);

export const MASK = '[redacted]';
const MAX_TEXT_LENGTH = 2_000;
const MAX_ITEMS = 50;

/** Fields as they may be logged. Numbers and booleans always may. */
export function redactFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redactValue(name, value)]));
}

function redactValue(name: string, value: unknown): unknown {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return describeError(value);
  if (name === 'error') return typeof value === 'string' ? redactText(value) : MASK;
  if (!shownFields.has(name)) return MASK;
  if (typeof value === 'string') return redactText(value);
  const isTextList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isTextList ? value.slice(0, MAX_ITEMS).map(redactText) : MASK;
}

/** Tokens in addresses, and what is too long. */
export function redactText(text: string): string {
  const masked = text.replace(/([?&](?:token|access_token)=)[^&\s"']+/gi, `$1${MASK}`);
  return masked.length > MAX_TEXT_LENGTH ? `${masked.slice(0, MAX_TEXT_LENGTH)}…` : masked;
}

function describeError(error: Error): Record<string, unknown> {
  const cause = error.cause instanceof Error ? { cause: redactText(error.cause.message) } : {};
  if (isProvisionerError(error) && error.code !== 'INTERNAL') {
    return { code: error.code, message: redactText(error.message), ...cause };
  }
  // A defect: where it happened is what matters.
  return { message: redactText(error.message), stack: redactText(error.stack ?? ''), ...cause };
}
