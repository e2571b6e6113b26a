create table orders (id bigint primary key, tenant_id uuid);
insert into orders values (1, '6f0d3f0e-0000-4000-8000-000000000001');

create table invoices (id bigint primary key, status text, sent_on date, due_on date);
insert into invoices values (1, 'sent', '2026-01-01', '2026-02-01'), (2, 'draft', null, null);
