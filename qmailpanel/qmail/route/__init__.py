"""Where mail to an address goes, foretold from the files that qmail reads, with file and line.

walk        over every forward, to the ends of the mail
door        would qmail-smtpd take it           control/rcpthosts, lists of known recipients
rewriting   whose mail is it                    control/locals, control/virtualdomains
assigning   who gets it, in which home          users/cdb, the users of the system
delivery    what becomes of it there            dot-qmail files
verdict     all of it in one word
"""
