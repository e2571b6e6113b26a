// The page's script, in one piece: its hash stands in the page's policy. Without it the page shows everything, and no form.

export const SCRIPT = `
(() => {
  'use strict';
  const find = (selector, from = document) => [...from.querySelectorAll(selector)];
  const root = document.documentElement;

  const theme = document.getElementById('theme');
  const isDark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const nameTheme = () => { theme.textContent = isDark() ? 'Light theme' : 'Dark theme'; };
  theme.hidden = false;
  nameTheme();
  theme.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; nameTheme(); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', nameTheme);

  const form = document.querySelector('.filter');
  if (!form) return;
  form.hidden = false;
  const query = document.getElementById('q');
  const count = document.getElementById('count');
  const none = document.querySelector('.none');
  const all = count.textContent;
  const textOf = (element) => element.textContent.toLowerCase();
  const folds = find('.fold').map((fold) => ({
    fold,
    open: fold.open,
    state: fold.dataset.state,
    head: textOf(fold.querySelector('summary')),
    rest: find('.why, .remedy, .source', fold).map(textOf).join(' '),
    lines: find('.lines tbody tr', fold).map((line) => ({ line, text: textOf(line) })),
  }));

  const filter = () => {
    const words = query.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const state = form.elements.state.value;
    const has = (text) => words.every((word) => text.includes(word));
    let shown = 0;
    for (const { fold, open, state: own, head, rest, lines } of folds) {
      const byRule = has(head + ' ' + rest);
      const matching = lines.filter(({ text }) => byRule || has(head + ' ' + text));
      const isShown = (state === '' || state === own) && (byRule || matching.length > 0);
      fold.hidden = !isShown;
      if (isShown) shown += 1;
      for (const { line } of lines) line.hidden = false;
      if (!byRule) for (const { line, text } of lines) line.hidden = !has(head + ' ' + text);
      fold.open = words.length > 0 && !byRule ? matching.length > 0 : open;
      for (const more of find('.more', fold)) more.open = !byRule && find('tbody tr:not([hidden])', more).length > 0;
    }
    const isAll = words.length === 0 && state === '';
    count.textContent = isAll ? all : shown + (shown === 1 ? ' rule matches' : ' rules match');
    none.hidden = shown > 0;
  };
  const clear = () => { query.value = ''; form.elements.state.value = ''; filter(); };
  form.addEventListener('input', filter);
  form.addEventListener('submit', (event) => event.preventDefault());
  document.querySelector('.clear').addEventListener('click', () => { clear(); query.focus(); });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !(event.target instanceof HTMLInputElement && event.target.type === 'search')) {
      event.preventDefault();
      query.focus();
    }
    if (event.key === 'Escape' && event.target === query) clear();
  });
  for (const each of folds) each.fold.addEventListener('toggle', () => { if (query.value === '') each.open = each.fold.open; });

  let closed = [];
  addEventListener('beforeprint', () => {
    closed = find('details:not([open])');
    for (const each of closed) each.open = true;
  });
  addEventListener('afterprint', () => { for (const each of closed) each.open = false; });
})();
`;
