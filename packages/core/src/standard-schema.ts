import type { StandardSchemaV1 } from '@standard-schema/spec';

/**
 * Whether something from a stranger, perhaps of plain JavaScript, is a Standard Schema of the version that we speak:
 * an object or function. Throws what a getter of it throws.
 */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  if (!('~standard' in value)) return false;
  const standard = value['~standard'];
  if (typeof standard !== 'object' || standard === null) return false;
  if (!('version' in standard) || standard.version !== 1) return false;
  return 'validate' in standard && typeof standard.validate === 'function';
}

/** Whether a schema has answered as it must: with a value, or with at least one issue that has a message. */
export function isSchemaAnswer(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  const issues: unknown = 'issues' in answer ? answer.issues : undefined;
  if (issues === undefined) return 'value' in answer;
  return Array.isArray(issues) && issues.length > 0 && issues.every(isIssue);
}

function isIssue(issue: unknown): boolean {
  if (typeof issue !== 'object' || issue === null) return false;
  if (!('message' in issue) || typeof issue.message !== 'string') return false;
  const path: unknown = 'path' in issue ? issue.path : undefined;
  return path === undefined || (Array.isArray(path) && path.every(isPathPart));
}

function isPathPart(part: unknown): boolean {
  if (typeof part === 'object') return part !== null && 'key' in part;
  return ['string', 'number', 'symbol'].includes(typeof part);
}
