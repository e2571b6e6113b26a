create table memberships (workspace_id int, user_id int, role text, primary key (workspace_id, user_id));
insert into memberships values (1, 1, 'owner'), (1, 2, 'owner'), (1, 3, 'owner'), (2, 1, 'owner'), (3, 1, 'owner'), (3, 2, 'owner');

create table entries (id int primary key, amount numeric);
insert into entries values (1, 0.1), (2, 0.2), (3, -0.31);
