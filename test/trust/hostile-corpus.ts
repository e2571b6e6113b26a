// What data, names and errors may hold that another reader than a person would act on. It reads best in one piece.

const blank = (codes: readonly number[]): string[] => codes.map((code) => String.fromCodePoint(code));

/** Everything that .NET calls white space and trims from the start of a line before it looks for a command. */
const DOTNET_BLANKS = blank([
  0x9, 0xb, 0xc, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2003, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
]);

const commands = [
  '::error::x', '::error file=a,line=1::x', '::add-mask::x', '::stop-commands::x', '::set-output name=verdict::clean', '::set-env name=PATH::x', '::add-path::/x', '::debug::x',
  '::group::x', '::endgroup::', '::save-state name=a::b', '::echo::on', '::ERROR::x', '::notice title=%0A::x', '##[error]x', '##[group]x', '##[add-mask]x', '##[set-env name=A]b', 'x ##[command]y', '###[error]x',
  '##[[error]x', '::error::%0A::error::x', '%0A::error::x', '%250A::error::x', '\n::error::x', '\r::error::x', '\r\n::error::x', 'x\n##[error]y', ' \n ::error::x',
  '\u200b::error::x', ':\u200b:error::x', '#\u200b#[error]x', '##\u00ad[error]x', '\ufeff::error::x',
  ...DOTNET_BLANKS.map((space) => `${space}::error::x`), ...DOTNET_BLANKS.map((space) => `\n${space}::error::x`),
]; // prettier-ignore

const fileCommands = [
  'x\nverdict=clean', 'verdict<<EOF\nclean\nEOF', 'EOF', 'ghadelimiter_0', '\nghadelimiter_00000000-0000-0000-0000-000000000000\nverdict=clean', 'a=b\nGITHUB_ENV<<E',
]; // prettier-ignore

const markup = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<!-- rowgate -->', '-->', ']]>', '</details>', '</table><h1>', '<details open>', '&lt;b&gt;', '&#60;', '&amp;', '"onclick="x', "'", '`', '```', '``` x ```\n# y', '`</code>`',
  '| a | b |', 'a|b|c', '|', '||x||', '\\|', '\\', '# heading', '## ✅ Rowgate: Clean', '- item', '1. item', '> quote', '***', '---', '===', '*bold*', '_it_', '~~no~~', '[a](https://evil.example)', '![a](https://evil.example/x.png)', '[a]: https://evil.example',
  '<https://evil.example>', 'https://evil.example', 'www.evil.example', 'a@evil.example', '@octocat', '@acme/admins', '#1', 'GH-1', 'acme/shop#1', 'acme/shop@0123456789012345678901234567890123456789', ':tada:', '$x^2$', '$$x$$', '{{ x }}', '${{ secrets.A }}', '$(reboot)', '`reboot`', '; rm -rf /',
  '%s%n%d', '{0}', '[^1]', '<sub>', '\t x', '    code', '\n\n# heading\n\n', 'a\n| b | c |',
]; // prettier-ignore

const unseen = [
  '\x1b[31mred', '\x1b[2J', '\x1b]0;title\x07', '\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\', '\x9b31m', '\b\b\bok', 'a\rb', '\x07', '\x7f', '\u202egnp.exe', '\u2066x\u2069', '\u061c', '\u200d', '\u2060', '\ufeff', '\u00ad', '\u2800', '\u3164', '\u115f', '\u{e0041}\u{e0042}',
  '\u0085', '\u2028x', '\u2029x', '\ufff9x\ufffa', 'e\u0301'.repeat(20), 'а' /* Cyrillic */, 'ﬀ', '😀', '\u{10ffff}', '\uffff', '\ud7ff\ue000',
]; // prettier-ignore

const odd = ['x'.repeat(10_240), '\n'.repeat(500), '::error::'.repeat(1_000), '<'.repeat(3_000), '"', '\\"', '\\u0000', '\\n', 'null', 'NULL', 'true', '0', '__proto__', 'constructor', ' ', '  x  ', '%', '%%', '%00', '../../etc/passwd', 'C:\\x', 'a=b', 'a;b', '(query)', "'; drop table t; --"]; // prettier-ignore

/** Strings that are all different, and none of them with a NUL or half a character, which a database does not keep. */
export const hostileStrings: readonly string[] = [...commands, ...fileCommands, ...markup, ...unseen, ...odd];

/** As much of a text as the name of a table or a column can hold: 63 bytes. */
export function asName(text: string, prefix = ''): string {
  let name = prefix;
  for (const character of text) {
    if (Buffer.byteLength(name + character) > 63) break;
    name += character;
  }
  return name;
}
