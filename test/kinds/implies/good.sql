create table audit_logs (id int primary key, tenant_id int, workspace_id int);
insert into audit_logs values (1, 5, 50), (2, null, null), (3, null, 50);

create table orders (id int primary key, status text, total numeric, created_at timestamptz, paid_at timestamptz);
insert into orders values (1, 'paid', 10, '2026-01-01', '2026-01-02'), (2, 'open', null, null, null);
