// A table as text: columns as wide as the whole allows, texts broken to fit into their columns, bars that
// run straight down. Nothing is cut off.

const GAP = ' │ ';
/** Lines of a cell after the first are indented. */
const INDENT = '  ';
/** No column gets narrower than this, or than its share if there are many. */
const WIDTH_MIN = 10;
const SHARE_MIN = 6;

/** One text in one column, or a text across all. */
export type TableLine =
  { readonly column: number; readonly text: string } | { readonly across: readonly string[] };

/** Lines, without line ends. Too little room for all columns makes it wider than `columns`. */
export function textTable(
  names: readonly string[],
  lines: readonly TableLine[],
  columns: number,
): string[] {
  const texts = names.map((name, column) => [
    name,
    ...lines.flatMap((line) => ('text' in line && line.column === column ? [line.text] : [])),
  ]);
  const widths = columnWidths(texts, columns - GAP.length * (names.length - 1));
  return [
    ...rowLines(names, widths),
    widths.map((width) => '─'.repeat(width)).join('─┼─'),
    ...lines.flatMap((line) => {
      if ('across' in line) return line.across;
      return rowLines(
        names.map((_, column) => (column === line.column ? line.text : '')),
        widths,
      );
    }),
  ];
}

/** A row is as many lines high as its highest cell. */
function rowLines(texts: readonly string[], widths: readonly number[]): string[] {
  const cells = texts.map((text, column) => brokenTo(text, widths[column]));
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, i) =>
    cells
      .map((cell, column) => (cell.at(i) ?? '').padEnd(widths[column]))
      .join(GAP)
      .trimEnd(),
  );
}

/** Every column as narrow as it may be, then room to wherever it saves the most lines. */
function columnWidths(texts: readonly (readonly string[])[], room: number): number[] {
  const natural = texts.map((column) => Math.max(...column.map(({ length }) => length)));
  const share = Math.max(SHARE_MIN, Math.floor(room / texts.length));
  const widths = natural.map((width) => Math.min(width, WIDTH_MIN, share));
  const heights = texts.map((column, i) =>
    Array.from({ length: natural[i] + 1 }, (_, width) =>
      width < widths[i] ? 0 : sum(column.map((text) => brokenTo(text, width).length)),
    ),
  );
  let left = room - sum(widths);
  for (;;) {
    let best = { column: -1, more: 0, gain: 0 };
    for (const [column, width] of widths.entries()) {
      for (let more = 1; more <= Math.min(left, natural[column] - width); more++) {
        const gain = (heights[column][width] - heights[column][width + more]) / more;
        if (gain > best.gain) best = { column, more, gain };
      }
    }
    if (best.column < 0) return widths;
    widths[best.column] += best.more;
    left -= best.more;
  }
}

/** Broken between words; a word that is longer than a line, where a part of a name ends. */
export function brokenTo(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const { glue, piece } of piecesOf(text, width)) {
    const longer = `${line}${line === '' ? '' : glue}${piece}`;
    if (longer.length <= width) line = longer;
    else {
      lines.push(line);
      line = INDENT + piece;
    }
  }
  return [...lines, line];
}

/** What stays together, and what is between it and the piece before it on the same line. */
function piecesOf(text: string, width: number): { glue: string; piece: string }[] {
  const pieces: { glue: string; piece: string }[] = [];
  for (const word of text.split(/(?<=\S)(?=\s)/)) {
    let rest = word.trimStart();
    let glue = word.slice(0, word.length - rest.length);
    do {
      const piece = headOf(rest, pieces.length === 0 ? width : width - INDENT.length);
      pieces.push({ glue, piece });
      rest = rest.slice(piece.length);
      glue = '';
    } while (rest !== '');
  }
  return pieces;
}

/** So much of a word as fits and ends with a part of it; if no part fits, as much as fits. */
function headOf(word: string, room: number): string {
  if (word.length <= room) return word;
  const parts = word.slice(0, room).search(/[/_.:][^/_.:]*$/);
  return word.slice(0, parts < 0 ? room : parts + 1);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
