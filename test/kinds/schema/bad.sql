create table tenants (id bigint primary key);
create table orders (id bigint primary key, tenant_id integer default 1, no integer, placed_at timestamptz, total numeric);
create index orders_recent on orders (tenant_id, placed_at) where total > 0; -- partial: it knows not every row
create unique index orders_no on orders (tenant_id, no) where no is not null;
insert into orders values (1, 7, 1, now(), -5);
alter table orders add constraint orders_tenant foreign key (tenant_id) references tenants not valid;
alter table orders add constraint orders_total check (total >= 0) not valid;
