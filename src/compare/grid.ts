// Scenarios by designs as text: a row for each design, a column for each scenario, in as many tables below
// each other as the width takes.

const NAME_WIDTH = 18;
const GAP = 2;
const WIDTH = 118;

/**
 * Lines, without line ends. `cell` is empty where there is nothing to say.
 * @param width of the terminal, in columns
 */
export function scenarioGrid(
  designs: readonly string[],
  scenarios: readonly string[],
  cell: (design: string, scenario: string) => string,
  width = WIDTH,
): string[] {
  const columns = scenarios.map((scenario) => {
    const cells = designs.map((design) => cell(design, scenario));
    return { scenario, cells, width: Math.max(...[scenario, ...cells].map(lengthOf)) + GAP };
  });
  const row = (name: string, cells: readonly string[]) =>
    (name.padEnd(NAME_WIDTH) + cells.join('')).trimEnd();
  return inGroups(columns, width).flatMap((group, i) => [
    ...(i === 0 ? [] : ['']),
    row(
      'design',
      group.map(({ scenario, width }) => scenario.padEnd(width)),
    ),
    ...designs.map((design, at) =>
      row(
        design,
        group.map(({ cells, width }) => cells[at].padEnd(width)),
      ),
    ),
  ]);
}

const lengthOf = ({ length }: string): number => length;

/** Columns in groups, each of which fits the width. */
function inGroups<Column extends { readonly width: number }>(
  columns: readonly Column[],
  most: number,
): Column[][] {
  const groups: Column[][] = [];
  let width = most;
  for (const column of columns) {
    width += column.width;
    if (width > most) {
      groups.push([]);
      width = NAME_WIDTH + column.width;
    }
    groups.at(-1)?.push(column);
  }
  return groups;
}
