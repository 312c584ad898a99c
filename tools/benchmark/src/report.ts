/** One measured figure. */
export interface Figure {
  readonly what: string;
  readonly subject: string;
  readonly value: number;
  readonly unit: string;
}

export class Report {
  readonly figures: Figure[] = [];

  add(subject: string, what: string, measured: { readonly value: number; readonly unit: string }): void {
    this.figures.push({ subject, what, ...measured });
    console.error(`  ${subject}: ${what} = ${format(measured.value)} ${measured.unit}`);
  }

  /** A Markdown table: a row for each figure's name, a column for each subject, in order of appearance. */
  table(): string {
    const subjects = [...new Set(this.figures.map((figure) => figure.subject))];
    const rows = [...new Set(this.figures.map((figure) => `${figure.what} (${figure.unit})`))];
    const cell = (row: string, subject: string): string => {
      const found = this.figures.find(
        (figure) => figure.subject === subject && `${figure.what} (${figure.unit})` === row,
      );
      return found === undefined ? '–' : format(found.value);
    };
    return [
      `| what | ${subjects.join(' | ')} |`,
      `|---|${subjects.map(() => '---:').join('|')}|`,
      ...rows.map((row) => `| ${row} | ${subjects.map((subject) => cell(row, subject)).join(' | ')} |`),
    ].join('\n');
  }
}

function format(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
