import { html, type Markup, type Value } from './markup.ts';

/** A section with a table; `lead` stands above it. */
export type TableSection = {
  readonly id: string;
  readonly title: string;
  readonly aside: string;
  readonly lead?: Markup | false;
  /** The first column names the line. */
  readonly columns: readonly { readonly name: string; readonly isNumber?: boolean }[];
  readonly lines: readonly (readonly Value[])[];
};

/** More are read by nobody; whoever has more to see to reads the JSON report. */
const MAX_LINES = 500;

/** The section; nothing where it has neither a line nor a lead. */
export function renderTable({ id, title, aside, lead, columns, lines }: TableSection): Markup | false {
  if (lines.length === 0 && !lead) return false;
  const classOf = (column: number): string => (columns[column]?.isNumber ? 'num' : '');
  const more = lines.length - MAX_LINES;
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <div class="head">
      <h2 id="${id}-title">${title}</h2>
      <p class="aside">${aside}${more > 0 && `, the first ${MAX_LINES} of them here`}</p>
    </div>
    ${lead}
    ${
      lines.length > 0 &&
      html`<div class="card scroll" role="group" aria-label="${title}, as a table" tabindex="0">
        <table class="lines grid">
          <thead>
            <tr>
              ${columns.map(({ name }, i) => html`<th scope="col" class="${classOf(i)}">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${lines.slice(0, MAX_LINES).map(
              ([first, ...rest]) =>
                html`<tr>
                  <th scope="row">${first}</th>
                  ${rest.map((cell, i) => html`<td class="${classOf(i + 1)}">${cell}</td>`)}
                </tr> `,
            )}
          </tbody>
        </table>
      </div>`
    }
  </section>`;
}
