const MAX_NAME_LENGTH = 128;

/**
 * The candidates that a misspelt `name` may have meant, best first, at most `limit` (default 3). Case is ignored.
 * A candidate is close when few letters differ, or when one name begins with the other ("python" and "python3").
 */
export function closestNames(
  name: string,
  candidates: Iterable<string>,
  options: { readonly limit?: number } = {},
): readonly string[] {
  // The name may come from a client: the cost of comparing must not be theirs to choose.
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) return [];
  const wanted = name.toLowerCase();
  const scored: { readonly candidate: string; readonly score: number }[] = [];
  for (const candidate of new Set(candidates)) {
    if (candidate.length === 0 || candidate.length > MAX_NAME_LENGTH) continue;
    const score = scoreOf(wanted, candidate.toLowerCase());
    if (score !== undefined) scored.push({ candidate, score });
  }
  scored.sort((left, right) => left.score - right.score || (left.candidate < right.candidate ? -1 : 1));
  return scored.slice(0, options.limit ?? 3).map(({ candidate }) => candidate);
}

/** `; did you mean "a" or "b"?`, or nothing. */
export function suggestion(name: string, candidates: Iterable<string>): string {
  const names = closestNames(name, candidates).map((candidate) => JSON.stringify(candidate));
  return names.length === 0 ? '' : `; did you mean ${names.join(' or ')}?`;
}

function scoreOf(wanted: string, candidate: string): number | undefined {
  const distance = editDistance(wanted, candidate);
  const shorter = Math.min(wanted.length, candidate.length);
  if (distance <= Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3))) return distance;
  const begins = shorter >= 3 && (wanted.startsWith(candidate) || candidate.startsWith(wanted));
  return begins ? distance : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
