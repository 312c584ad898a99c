/** Variables of a setting: ours first, then the names of Enterprise Gateway and of Kernel Gateway before it. */
export function names(name: string, ...aliases: readonly string[]): readonly string[] {
  return [`GP_${name}`, `EG_${name}`, `KG_${name}`, ...aliases];
}
