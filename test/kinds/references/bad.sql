create schema catalog;
create table catalog.products (code text primary key);
create table orders (tenant_id int, id int, primary key (tenant_id, id));
create table order_lines (id int primary key, tenant_id int, order_id int, product_code text);
insert into catalog.products values ('A'), ('B');
insert into orders values (1, 1), (2, 2);

insert into order_lines values
  (1, 1, 1, 'A'),
  (2, 1, 2, 'B'), -- order 2 is another tenant's
  (3, 9, 9, 'a'), -- no such order, no such product
  (4, null, 7, null); -- links to nothing
