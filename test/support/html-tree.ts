import { parse, type DefaultTreeAdapterTypes } from 'parse5';

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

export type PageElement = {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The text in it and below it. */
  readonly text: string;
};

/** Every element of a page, as a browser reads it; throws where the page is not as the standard wants it. */
export function readPage(html: string): PageElement[] {
  const document = parse(html, {
    onParseError: (error) => {
      throw new Error(`${error.code} at ${error.startLine}:${error.startCol}`);
    },
  });
  return elementsOf(document).map((element) => ({
    tag: element.tagName,
    attributes: Object.fromEntries(element.attrs.map(({ name, value }) => [name, value])),
    text: textOf(element),
  }));
}

function elementsOf(node: Node): Element[] {
  const own = 'tagName' in node ? [node] : [];
  return [...own, ...('childNodes' in node ? node.childNodes.flatMap(elementsOf) : [])];
}

function textOf(node: Node): string {
  if ('value' in node) return node.value;
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : '';
}
