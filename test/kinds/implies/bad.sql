create table audit_logs (id int primary key, tenant_id int, workspace_id int);
insert into audit_logs values (1, 5, 50), (2, null, null), (3, null, 50), (4, 5, null), (5, 6, null);

create table orders (id int primary key, status text, total numeric, created_at timestamptz, paid_at timestamptz);
insert into orders values
  (1, 'paid', 10, '2026-01-01', '2026-01-02'),
  (2, 'paid', 0, '2026-01-01', '2026-01-02'),
  (3, 'paid', null, '2026-01-01', '2026-01-02'), -- neither true nor false: it breaks
  (4, 'paid', 10, '2026-01-02', '2026-01-01'),
  (5, 'open', 0, '2026-01-01', null),
  (6, null, 0, '2026-01-01', null); -- not known to be paid
