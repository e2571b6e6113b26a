import { createHash } from 'node:crypto';
import { html, Markup } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const POLICY = `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'`;

/** A whole document that needs nothing else: no network, no other file, and a policy that lets nothing in. */
export function frame(title: string, body: Markup): string {
  // The policy has the hashes of what stands between these tags, to the last blank.
  const style = new Markup(`<style>${STYLE}</style>`);
  const script = new Markup(`<script>${SCRIPT}</script>`);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="referrer" content="no-referrer" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Rowgate: ${title}</title>
        ${style}
      </head>
      <body>
        ${body} ${script}
      </body>
    </html>`.html;
}
