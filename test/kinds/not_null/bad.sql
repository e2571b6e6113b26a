create table orders (id bigint primary key, tenant_id uuid);
insert into orders values
  (1, '6f0d3f0e-0000-4000-8000-000000000001'),
  (2, null),
  (3, '00000000-0000-0000-0000-000000000000'),
  (4, '00000000-0000-0000-0000-000000000000');

create table invoices (id bigint primary key, status text, sent_on date, due_on date);
insert into invoices values
  (1, 'sent', '2026-01-01', '2026-02-01'),
  (2, 'sent', null, '2026-02-01'),
  (3, 'sent', null, null), -- one row, and in two classes
  (4, 'draft', null, null), -- not looked at
  (5, null, null, null); -- a filter that is NULL is not true
