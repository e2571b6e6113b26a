create table attachments (id int primary key, issue_id int, comment_id int, page_id text);
insert into attachments values (1, 1, null, null), (2, null, null, 'home'), (3, null, null, null), (4, 1, 2, null), (5, 1, 2, 'x');

create table contacts (id int primary key, email text, phone text);
insert into contacts values (1, 'a@example.org', null), (2, 'b@example.org', '1'), (3, null, null), (4, null, null);
