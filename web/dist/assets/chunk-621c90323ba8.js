var Oe,A,kn,en,ae,xn,Mn,$n,Qe,Ie,xe,Tn,nn,Xe,Ze,Mt,Ne={},Le=[],$t=/acit|ex(?:s|g|n|p|$)|rph|grid|ows|mnc|ntw|ine[ch]|zoo|^ord|itera/i,qe=Array.isArray;function te(e,n){for(var t in n)e[t]=n[t];return e}function tn(e){e&&e.parentNode&&e.parentNode.removeChild(e)}function on(e,n,t){var o,r,i,s={};for(i in n)i=="key"?o=n[i]:i=="ref"?r=n[i]:s[i]=n[i];if(arguments.length>2&&(s.children=arguments.length>3?Oe.call(arguments,2):t),typeof e=="function"&&e.defaultProps!=null)for(i in e.defaultProps)s[i]===void 0&&(s[i]=e.defaultProps[i]);return Re(e,s,o,r,null)}function Re(e,n,t,o,r){var i={type:e,props:n,key:t,ref:o,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:r??++kn,__i:-1,__u:0};return r==null&&A.vnode!=null&&A.vnode(i),i}function Q(e){return e.children}function me(e,n){this.props=e,this.context=n}function ue(e,n){if(n==null)return e.__?ue(e.__,e.__i+1):null;for(var t;n<e.__k.length;n++)if((t=e.__k[n])!=null&&t.__e!=null)return t.__e;return typeof e.type=="function"?ue(e):null}function Tt(e){if(e.__P&&e.__d){var n=e.__v,t=n.__e,o=[],r=[],i=te({},n);i.__v=n.__v+1,A.vnode&&A.vnode(i),rn(e.__P,i,n,e.__n,e.__P.namespaceURI,32&n.__u?[t]:null,o,t??ue(n),!!(32&n.__u),r),i.__v=n.__v,i.__.__k[i.__i]=i,Rn(o,i,r),n.__e=n.__=null,i.__e!=t&&Pn(i)}}function Pn(e){if((e=e.__)!=null&&e.__c!=null)return e.__e=e.__c.base=null,e.__k.some(function(n){if(n!=null&&n.__e!=null)return e.__e=e.__c.base=n.__e}),Pn(e)}function wn(e){(!e.__d&&(e.__d=!0)&&ae.push(e)&&!De.__r++||xn!=A.debounceRendering)&&((xn=A.debounceRendering)||Mn)(De)}function De(){try{for(var e,n=1;ae.length;)ae.length>n&&ae.sort($n),e=ae.shift(),n=ae.length,Tt(e)}finally{ae.length=De.__r=0}}function Cn(e,n,t,o,r,i,s,u,l,c,f){var p,a,d,E,S,v,y=o&&o.__k||Le,h=n.length;for(l=Pt(t,n,y,l,h),p=0;p<h;p++)(d=t.__k[p])!=null&&(a=d.__i!=-1&&y[d.__i]||Ne,d.__i=p,v=rn(e,d,a,r,i,s,u,l,c,f),E=d.__e,d.ref&&a.ref!=d.ref&&(a.ref&&an(a.ref,null,d),f.push(d.ref,d.__c||E,d)),S==null&&E!=null&&(S=E),4&d.__u?(l=An(d,l,e),a.__e&&(a.__e=null)):typeof d.type=="function"&&v!==void 0?l=v:E&&(l=E.nextSibling),d.__u&=-7);return t.__e=S,l}function Pt(e,n,t,o,r){var i,s,u,l,c,f=t.length,p=f,a=0;for(e.__k=new Array(r),i=0;i<r;i++)(s=n[i])!=null&&typeof s!="boolean"&&typeof s!="function"?(typeof s=="string"||typeof s=="number"||typeof s=="bigint"||s.constructor==String?s=e.__k[i]=Re(null,s,null,null,null):qe(s)?s=e.__k[i]=Re(Q,{children:s},null,null,null):s.constructor===void 0&&s.__b>0?s=e.__k[i]=Re(s.type,s.props,s.key,s.ref?s.ref:null,s.__v):e.__k[i]=s,l=i+a,s.__=e,s.__b=e.__b+1,u=null,(c=s.__i=Ct(s,t,l,p))!=-1&&(p--,(u=t[c])&&(u.__u|=2)),u==null||u.__v==null?(c==-1&&(r>f?a--:r<f&&a++),typeof s.type!="function"&&(s.__u|=4)):c!=l&&(c==l-1?a--:c==l+1?a++:(c>l?a--:a++,s.__u|=4))):e.__k[i]=null;if(p)for(i=0;i<f;i++)(u=t[i])!=null&&(2&u.__u)==0&&(u.__e==o&&(o=ue(u)),Ln(u,u));return o}function An(e,n,t){var o,r;if(typeof e.type=="function"){for(o=e.__k,r=0;o&&r<o.length;r++)o[r]&&(o[r].__=e,n=An(o[r],n,t));return n}e.__e!=n&&(n&&e.type&&!n.parentNode&&(n=ue(e)),n=t.insertBefore(e.__e,n||null));do n=n&&n.nextSibling;while(n!=null&&n.nodeType==8);return n}function Ct(e,n,t,o){var r,i,s,u=e.key,l=e.type,c=n[t],f=c!=null&&(2&c.__u)==0;if(c===null&&u==null||f&&u==c.key&&l==c.type)return t;if(o>(f?1:0)){for(r=t-1,i=t+1;r>=0||i<n.length;)if((c=n[s=r>=0?r--:i++])!=null&&(2&c.__u)==0&&u==c.key&&l==c.type)return s}return-1}function Sn(e,n,t){n[0]=="-"?e.setProperty(n,t??""):e[n]=t==null?"":typeof t!="number"||$t.test(n)?t:t+"px"}function Ae(e,n,t,o,r){var i,s;e:if(n=="style")if(typeof t=="string")e.style.cssText=t;else{if(typeof o=="string"&&(e.style.cssText=o=""),o)for(n in o)t&&n in t||Sn(e.style,n,"");if(t)for(n in t)o&&t[n]==o[n]||Sn(e.style,n,t[n])}else if(n[0]=="o"&&n[1]=="n")i=n!=(n=n.replace(Tn,"$1")),s=n.toLowerCase(),n=s in e||n=="onFocusOut"||n=="onFocusIn"?s.slice(2):n.slice(2),e.l||(e.l={}),e.l[n+i]=t,t?o?t[xe]=o[xe]:(t[xe]=nn,e.addEventListener(n,i?Ze:Xe,i)):e.removeEventListener(n,i?Ze:Xe,i);else{if(r=="http://www.w3.org/2000/svg")n=n.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(n!="width"&&n!="height"&&n!="href"&&n!="list"&&n!="form"&&n!="tabIndex"&&n!="download"&&n!="rowSpan"&&n!="colSpan"&&n!="role"&&n!="popover"&&n in e)try{e[n]=t??"";break e}catch{}typeof t=="function"||(t==null||t===!1&&n[4]!="-"?e.removeAttribute(n):e.setAttribute(n,n=="popover"&&t==1?"":t))}}function En(e){return function(n){if(this.l){var t=this.l[n.type+e];if(n[Ie]==null)n[Ie]=nn++;else if(n[Ie]<t[xe])return;return t(A.event?A.event(n):n)}}}function rn(e,n,t,o,r,i,s,u,l,c){var f,p,a,d,E,S,v,y,h,m,R,j,H,M,I,w,b=n.type;if(n.constructor!==void 0)return null;128&t.__u&&(l=!!(32&t.__u),i=[u=n.__e=t.__e]),(f=A.__b)&&f(n);e:if(typeof b=="function"){p=s.length;try{if(h=n.props,m=b.prototype&&b.prototype.render,R=(f=b.contextType)&&o[f.__c],j=f?R?R.props.value:f.__:o,t.__c?y=(a=n.__c=t.__c).__=a.__E:(m?n.__c=a=new b(h,j):(n.__c=a=new me(h,j),a.constructor=b,a.render=It),R&&R.sub(a),a.state||(a.state={}),a.__n=o,d=a.__d=!0,a.__h=[],a._sb=[]),m&&a.__s==null&&(a.__s=a.state),m&&b.getDerivedStateFromProps!=null&&(a.__s==a.state&&(a.__s=te({},a.__s)),te(a.__s,b.getDerivedStateFromProps(h,a.__s))),E=a.props,S=a.state,a.__v=n,d)m&&b.getDerivedStateFromProps==null&&a.componentWillMount!=null&&a.componentWillMount(),m&&a.componentDidMount!=null&&a.__h.push(a.componentDidMount);else{if(m&&b.getDerivedStateFromProps==null&&h!==E&&a.componentWillReceiveProps!=null&&a.componentWillReceiveProps(h,j),n.__v==t.__v||!a.__e&&a.shouldComponentUpdate!=null&&a.shouldComponentUpdate(h,a.__s,j)===!1){n.__v!=t.__v&&(a.props=h,a.state=a.__s,a.__d=!1),n.__e=t.__e,n.__k=t.__k,n.__k.some(function(B){B&&(B.__=n)}),Le.push.apply(a.__h,a._sb),a._sb=[],a.__h.length&&s.push(a),u=ue(t);break e}a.componentWillUpdate!=null&&a.componentWillUpdate(h,a.__s,j),m&&a.componentDidUpdate!=null&&a.__h.push(function(){a.componentDidUpdate(E,S,v)})}if(a.context=j,a.props=h,a.__P=e,a.__e=!1,H=A.__r,M=0,m)a.state=a.__s,a.__d=!1,H&&H(n),f=a.render(a.props,a.state,a.context),Le.push.apply(a.__h,a._sb),a._sb=[];else do a.__d=!1,H&&H(n),f=a.render(a.props,a.state,a.context),a.state=a.__s;while(a.__d&&++M<25);a.state=a.__s,a.getChildContext!=null&&(o=te(te({},o),a.getChildContext())),m&&!d&&a.getSnapshotBeforeUpdate!=null&&(v=a.getSnapshotBeforeUpdate(E,S)),I=f!=null&&f.type===Q&&f.key==null?Nn(f.props.children):f,u=Cn(e,qe(I)?I:[I],n,t,o,r,i,s,u,l,c),a.base=n.__e,n.__u&=-161,a.__h.length&&s.push(a),y&&(a.__E=a.__=null)}catch(B){if(s.length=p,n.__v=null,l||i!=null){if(B.then){for(n.__u|=l?160:128;u&&u.nodeType==8&&u.nextSibling;)u=u.nextSibling;i!=null&&(i[i.indexOf(u)]=null),n.__e=u}else if(i!=null)for(w=i.length;w--;)tn(i[w])}else n.__e=t.__e;n.__k==null&&(n.__k=t.__k||[]),B.then||In(n),A.__e(B,n,t)}}else i==null&&n.__v==t.__v?(n.__k=t.__k,n.__e=t.__e):u=n.__e=At(t.__e,n,t,o,r,i,s,l,c);return(f=A.diffed)&&f(n),128&n.__u?void 0:u}function In(e){e&&(e.__c&&(e.__c.__e=!0),e.__k&&e.__k.some(In))}function Rn(e,n,t){for(var o=0;o<t.length;o++)an(t[o],t[++o],t[++o]);A.__c&&A.__c(n,e),e.some(function(r){try{e=r.__h,r.__h=[],e.some(function(i){i.call(r)})}catch(i){A.__e(i,r.__v)}})}function Nn(e){return typeof e!="object"||e==null||e.__b>0?e:qe(e)?e.map(Nn):e.constructor!==void 0?null:te({},e)}function At(e,n,t,o,r,i,s,u,l){var c,f,p,a,d,E,S,v=t.props||Ne,y=n.props,h=n.type;if(h=="svg"?r="http://www.w3.org/2000/svg":h=="math"?r="http://www.w3.org/1998/Math/MathML":r||(r="http://www.w3.org/1999/xhtml"),i!=null){for(c=0;c<i.length;c++)if((d=i[c])&&"setAttribute"in d==!!h&&(h?d.localName==h:d.nodeType==3)){e=d,i[c]=null;break}}if(e==null){if(h==null)return document.createTextNode(y);e=document.createElementNS(r,h,y.is&&y),u&&(A.__m&&A.__m(n,i),u=!1),i=null}if(h==null)v===y||u&&e.data==y||(e.data=y);else{if(i=h=="textarea"&&y.defaultValue!=null?null:i&&Oe.call(e.childNodes),!u&&i!=null)for(v={},c=0;c<e.attributes.length;c++)v[(d=e.attributes[c]).name]=d.value;for(c in v)d=v[c],c=="dangerouslySetInnerHTML"?p=d:c=="children"||c in y||c=="value"&&"defaultValue"in y||c=="checked"&&"defaultChecked"in y||Ae(e,c,null,d,r);for(c in y)d=y[c],c=="children"?a=d:c=="dangerouslySetInnerHTML"?f=d:c=="value"?E=d:c=="checked"?S=d:u&&typeof d!="function"||v[c]===d||Ae(e,c,d,v[c],r);if(f)u||p&&(f.__html==p.__html||f.__html==e.innerHTML)||(e.innerHTML=f.__html),n.__k=[];else if(p&&(e.innerHTML=""),Cn(n.type=="template"?e.content:e,qe(a)?a:[a],n,t,o,h=="foreignObject"?"http://www.w3.org/1999/xhtml":r,i,s,i?i[0]:t.__k&&ue(t,0),u,l),i!=null)for(c=i.length;c--;)tn(i[c]);u&&h!="textarea"||(c="value",h=="progress"&&E==null?e.removeAttribute("value"):E!=null&&(E!==e[c]||h=="progress"&&!E||h=="option"&&E!=v[c])&&Ae(e,c,E,v[c],r),c="checked",S!=null&&S!=e[c]&&Ae(e,c,S,v[c],r))}return e}function an(e,n,t){try{if(typeof e=="function"){var o=typeof e.__u=="function";o&&e.__u(),o&&n==null||(e.__u=e(n))}else e.current=n}catch(r){A.__e(r,t)}}function Ln(e,n,t){var o,r;if(A.unmount&&A.unmount(e),(o=e.ref)&&(o.current&&o.current!=e.__e||an(o,null,n)),(o=e.__c)!=null){if(o.componentWillUnmount)try{o.componentWillUnmount()}catch(i){A.__e(i,n)}o.base=o.__P=o.__n=null}if(o=e.__k)for(r=0;r<o.length;r++)o[r]&&Ln(o[r],n,t||typeof e.type!="function");t||tn(e.__e),e.__c=e.__=e.__e=void 0}function It(e,n,t){return this.constructor(e,t)}function _o(e,n,t){var o,r,i,s;n==document&&(n=document.documentElement),A.__&&A.__(e,n),r=(o=typeof t=="function")?null:t&&t.__k||n.__k,i=[],s=[],rn(n,e=(!o&&t||n).__k=on(Q,null,[e]),r||Ne,Ne,n.namespaceURI,!o&&t?[t]:r?null:n.firstChild?Oe.call(n.childNodes):null,i,!o&&t?t:r?r.__e:n.firstChild,o,s),Rn(i,e,s),e.props.children=null}Oe=Le.slice,A={__e:function(e,n,t,o){for(var r,i,s;n=n.__;)if((r=n.__c)&&!r.__)try{if((i=r.constructor)&&i.getDerivedStateFromError!=null&&(r.setState(i.getDerivedStateFromError(e)),s=r.__d),r.componentDidCatch!=null&&(r.componentDidCatch(e,o||{}),s=r.__d),s)return r.__E=r}catch(u){e=u}throw e}},kn=0,en=function(e){return e!=null&&e.constructor===void 0},me.prototype.setState=function(e,n){var t;t=this.__s!=null&&this.__s!=this.state?this.__s:this.__s=te({},this.state),typeof e=="function"&&(e=e(te({},t),this.props)),e&&te(t,e),e!=null&&this.__v&&(n&&this._sb.push(n),wn(this))},me.prototype.forceUpdate=function(e){this.__v&&(this.__e=!0,e&&this.__h.push(e),wn(this))},me.prototype.render=Q,ae=[],Mn=typeof Promise=="function"?Promise.prototype.then.bind(Promise.resolve()):setTimeout,$n=function(e,n){return e.__v.__b-n.__v.__b},De.__r=0,Qe=Math.random().toString(8),Ie="__d"+Qe,xe="__a"+Qe,Tn=/(PointerCapture)$|Capture$/i,nn=0,Xe=En(!1),Ze=En(!0),Mt=0;var Rt=0,yo=Array.isArray;function P(e,n,t,o,r,i){n||(n={});var s,u,l=n;if("ref"in l)for(u in l={},n)u=="ref"?s=n[u]:l[u]=n[u];var c={type:e,props:l,key:t,ref:s,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:--Rt,__i:-1,__u:0,__source:r,__self:i};if(typeof e=="function"&&(s=e.defaultProps))for(u in s)l[u]===void 0&&(l[u]=s[u]);return A.vnode&&A.vnode(c),c}var we,F,sn,Dn,Se=0,Gn=[],W=A,On=W.__b,qn=W.__r,Un=W.diffed,Fn=W.__c,jn=W.unmount,Bn=W.__;function un(e,n){W.__h&&W.__h(F,e,Se||n),Se=0;var t=F.__H||(F.__H={__:[],__h:[]});return e>=t.__.length&&t.__.push({}),t.__[e]}function Z(e){return Se=1,Nt(Kn,e)}function Nt(e,n,t){var o=un(we++,2);if(o.t=e,!o.__c&&(o.__=[t?t(n):Kn(void 0,n),function(u){var l=o.__N?o.__N[0]:o.__[0],c=o.t(l,u);l!==c&&(o.__N=[c,o.__[1]],o.__c.setState({}))}],o.__c=F,!F.__f)){var r=function(u,l,c){if(!o.__c.__H)return!0;var f=!1,p=o.__c.props!==u;if(o.__c.__H.__.some(function(d){if(d.__N){f=!0;var E=d.__[0];d.__=d.__N,d.__N=void 0,E!==d.__[0]&&(p=!0)}}),i){var a=i.call(this,u,l,c);return f?a||p:a}return!f||p};F.__f=!0;var i=F.shouldComponentUpdate,s=F.componentWillUpdate;F.componentWillUpdate=function(u,l,c){if(this.__e){var f=i;i=void 0,r(u,l,c),i=f}s&&s.call(this,u,l,c)},F.shouldComponentUpdate=r}return o.__N||o.__}function X(e,n){var t=un(we++,3);!W.__s&&Jn(t.__H,n)&&(t.__=e,t.u=n,F.__H.__h.push(t))}function ee(e){return Se=5,Ee(function(){return{current:e}},[])}function Ee(e,n){var t=un(we++,7);return Jn(t.__H,n)&&(t.__=e(),t.__H=n,t.__h=e),t.__}function Hn(e,n){return Se=8,Ee(function(){return e},n)}function Lt(){for(var e;e=Gn.shift();){var n=e.__H;if(e.__P&&n)try{n.__h.some(Ue),n.__h.some(cn),n.__h=[]}catch(t){n.__h=[],W.__e(t,e.__v)}}}W.__b=function(e){F=null,On&&On(e)},W.__=function(e,n){e&&n.__k&&n.__k.__m&&(e.__m=n.__k.__m),Bn&&Bn(e,n)},W.__r=function(e){qn&&qn(e),we=0;var n=(F=e.__c).__H;n&&(sn===F?(n.__h=[],F.__h=[],n.__.some(function(t){t.__N&&(t.__=t.__N),t.u=t.__N=void 0})):(n.__h.some(Ue),n.__h.some(cn),n.__h=[],we=0)),sn=F},W.diffed=function(e){Un&&Un(e);var n=e.__c;n&&n.__H&&(n.__H.__h.length&&(Gn.push(n)!==1&&Dn===W.requestAnimationFrame||((Dn=W.requestAnimationFrame)||Dt)(Lt)),n.__H.__.some(function(t){t.u&&(t.__H=t.u,t.u=void 0)})),sn=F=null},W.__c=function(e,n){n.some(function(t){try{t.__h.some(Ue),t.__h=t.__h.filter(function(o){return!o.__||cn(o)})}catch(o){n.some(function(r){r.__h&&(r.__h=[])}),n=[],W.__e(o,t.__v)}}),Fn&&Fn(e,n)},W.unmount=function(e){jn&&jn(e);var n,t=e.__c;t&&t.__H&&(t.__H.__.some(function(o){try{Ue(o)}catch(r){n=r}}),t.__H=void 0,n&&W.__e(n,t.__v))};var Wn=typeof requestAnimationFrame=="function";function Dt(e){var n,t=function(){clearTimeout(o),Wn&&cancelAnimationFrame(n),setTimeout(e)},o=setTimeout(t,35);Wn&&(n=requestAnimationFrame(t))}function Ue(e){var n=F,t=e.__c;typeof t=="function"&&(e.__c=void 0,t()),F=n}function cn(e){var n=F;e.__c=e.__(),F=n}function Jn(e,n){return!e||e.length!==n.length||n.some(function(t,o){return t!==e[o]})}function Kn(e,n){return typeof n=="function"?n(e):n}var Ot=Symbol.for("preact-signals");function We(){if(oe>1)oe--;else{var e,n=!1;for(function(){var r=je;for(je=void 0;r!==void 0;){var i=r.S;if(i.v===r.v)for(var s=i.t;s!==void 0;s=s.x)s.i===r.i&&(s.i=i.i);r=r.o}}();Me!==void 0;){var t=Me;for(Me=void 0,Fe++;t!==void 0;){var o=t.u;if(t.u=void 0,t.f&=-3,!(8&t.f)&&zn(t))try{t.c()}catch(r){n||(e=r,n=!0)}t=o}}if(Fe=0,oe--,n)throw e}}function ln(e){if(oe>0)return e();dn=++qt,oe++;try{return e()}finally{We()}}var ke,L=void 0;function $e(e){var n=L,t=ke;L=void 0,ke=void 0;try{return e()}finally{L=n,ke=t}}var Me=void 0,oe=0,Fe=0,qt=0,dn=0,je=void 0,Be=0;function Vn(e){if(L!==void 0){var n=e.n;if(n===void 0||n.t!==L)return n={i:0,S:e,p:L.s,n:void 0,t:L,e:void 0,x:void 0,r:n},L.s!==void 0&&(L.s.n=n),L.s=n,e.n=n,32&L.f&&e.S(n),n;if(n.i===-1)return n.i=0,n.n!==void 0&&(n.n.p=n.p,n.p!==void 0&&(n.p.n=n.n),n.p=L.s,n.n=void 0,L.s.n=n,L.s=n),n}}function G(e,n){this.v=e,this.i=0,this.n=void 0,this.t=void 0,this.l=0,this.W=n?.watched,this.Z=n?.unwatched,this.name=n?.name}G.prototype.brand=Ot;G.prototype.h=function(){return!0};G.prototype.S=function(e){var n=this,t=this.t;t!==e&&e.e===void 0&&(e.x=t,this.t=e,t!==void 0?t.e=e:$e(function(){var o;(o=n.W)==null||o.call(n)}))};G.prototype.U=function(e){var n=this;if(this.t!==void 0){var t=e.e,o=e.x;t!==void 0&&(t.x=o,e.e=void 0),o!==void 0&&(o.e=t,e.x=void 0),e===this.t&&(this.t=o,o===void 0&&$e(function(){var r;(r=n.Z)==null||r.call(n)}))}};G.prototype.subscribe=function(e){var n=this;return le(function(){var t=n.value;$e(function(){return e(t)})},{name:"sub"})};G.prototype.valueOf=function(){return this.value};G.prototype.toString=function(){return this.value+""};G.prototype.toJSON=function(){return this.value};G.prototype.peek=function(){var e=this;return $e(function(){return e.value})};Object.defineProperty(G.prototype,"value",{get:function(){var e=Vn(this);return e!==void 0&&(e.i=this.i),this.v},set:function(e){if(e!==this.v){if(Fe>100)throw new Error("Cycle detected");(function(t){oe!==0&&Fe===0&&t.l!==dn&&(t.l=dn,je={S:t,v:t.v,i:t.i,o:je})})(this),this.v=e,this.i++,Be++,oe++;try{for(var n=this.t;n!==void 0;n=n.x)n.t.N()}finally{We()}}}});function se(e,n){return new G(e,n)}function zn(e){for(var n=e.s;n!==void 0;n=n.n)if(n.S.i!==n.i||!n.S.h()||n.S.i!==n.i)return!0;return!1}function Yn(e){for(var n=e.s;n!==void 0;n=n.n){var t=n.S.n;if(t!==void 0&&(n.r=t),n.S.n=n,n.i=-1,n.n===void 0){e.s=n;break}}}function Qn(e){for(var n=e.s,t=void 0;n!==void 0;){var o=n.p;n.i===-1?(n.S.U(n),o!==void 0&&(o.n=n.n),n.n!==void 0&&(n.n.p=o)):t=n,n.S.n=n.r,n.r!==void 0&&(n.r=void 0),n=o}e.s=t}function de(e,n){G.call(this,void 0,n),this.x=e,this.s=void 0,this.g=Be-1,this.f=4}de.prototype=new G;de.prototype.h=function(){if(this.f&=-3,1&this.f)return!1;if((36&this.f)==32||(this.f&=-5,this.g===Be))return!0;if(this.g=Be,this.f|=1,this.i>0&&!zn(this))return this.f&=-2,!0;var e=L;try{Yn(this),L=this;var n=this.x();(16&this.f||this.v!==n||this.i===0)&&(this.v=n,this.f&=-17,this.i++)}catch(t){this.v=t,this.f|=16,this.i++}return L=e,Qn(this),this.f&=-2,!0};de.prototype.S=function(e){if(this.t===void 0){this.f|=36;for(var n=this.s;n!==void 0;n=n.n)n.S.S(n)}G.prototype.S.call(this,e)};de.prototype.U=function(e){if(this.t!==void 0&&(G.prototype.U.call(this,e),this.t===void 0)){this.f&=-33;for(var n=this.s;n!==void 0;n=n.n)n.S.U(n)}};de.prototype.N=function(){if(!(2&this.f)){this.f|=6;for(var e=this.t;e!==void 0;e=e.x)e.t.N()}};Object.defineProperty(de.prototype,"value",{get:function(){if(1&this.f)throw new Error("Cycle detected");var e=Vn(this);if(this.h(),e!==void 0&&(e.i=this.i),16&this.f)throw this.v;return this.v}});function Ge(e,n){return new de(e,n)}function Xn(e){var n=e.j;if(e.j=void 0,typeof n=="function"){oe++;var t=L;L=void 0;try{n()}catch(o){throw e.f&=-2,e.f|=8,fn(e),o}finally{L=t,We()}}}function fn(e){for(var n=e.s;n!==void 0;n=n.n)n.S.U(n);e.x=void 0,e.s=void 0,Xn(e)}function Ut(e){if(L!==this)throw new Error("Out-of-order effect");Qn(this),L=e,this.f&=-2;try{8&this.f&&fn(this)}finally{We()}}function ye(e,n){this.x=e,this.j=void 0,this.s=void 0,this.u=void 0,this.f=32,this.name=n?.name,ke&&ke.push(this)}ye.prototype.c=function(){var e=this.S();try{if(8&this.f||this.x===void 0)return;var n=this.x();typeof n=="function"&&(this.j=n)}finally{e()}};ye.prototype.S=function(){if(1&this.f)throw new Error("Cycle detected");this.f|=1,this.f&=-9,Xn(this),Yn(this),oe++;var e=L;return L=this,Ut.bind(this,e)};ye.prototype.N=function(){2&this.f||(this.f|=2,this.u=Me,Me=this)};ye.prototype.d=function(){this.f|=8,1&this.f||fn(this)};ye.prototype.dispose=function(){this.d()};function le(e,n){var t=new ye(e,n);try{t.c()}catch(r){throw t.d(),r}var o=t.d.bind(t);return o[Symbol.dispose]=o,o}var Zn,Je,He,Ft=typeof window<"u"&&!!window.__PREACT_SIGNALS_DEVTOOLS__;var et=[];le(function(){Zn=this.N})();function ge(e,n){A[e]=n.bind(null,A[e]||function(){})}function Te(e){if(He){var n=He;He=void 0,n()}He=e&&e.S()}function nt(e){var n=this,t=e.data,o=Bt(t);o.name="ReactiveDom",o.value=t;var r=Ee(function(){for(var u=n,l=n.__v;l=l.__;)if(l.__c){l.__c.__$f|=4;break}var c=Ge(function(){var d=o.value.value;return d===0?0:d===!0?"":d||""}),f=Ge(function(){return!Array.isArray(c.value)&&!en(c.value)}),p=le(function(){if(this.N=tt,f.value){var d=c.value;u.__v&&u.__v.__e&&u.__v.__e.nodeType===3&&(u.__v.__e.data=d)}}),a=n.__$u.d;return n.__$u.d=function(){p(),a.call(this)},[f,c]},[]),i=r[0],s=r[1];return i.value?s.peek():s.value}nt.displayName="ReactiveTextNode";Object.defineProperties(G.prototype,{constructor:{configurable:!0,value:on(Q,null).constructor},type:{configurable:!0,value:nt},props:{configurable:!0,get:function(){var e=this;return{data:{get value(){return e.value}}}}},__b:{configurable:!0,value:1}});ge("__b",function(e,n){if(Te(),Je=void 0,typeof n.type=="string"){var t,o=n.props;for(var r in o)if(r!=="children"){var i=o[r];i instanceof G&&(t||(n.__np=t={}),t[r]=i,o[r]=i.peek())}}e(n)});ge("__r",function(e,n){if(e(n),n.type!==Q){Te();var t,o=n.__c;o&&(o.__$f&=-2,(t=o.__$u)===void 0&&(o.__$u=t=function(r,i){var s;return le(function(){s=this},{name:i}),s.c=r,s}(function(r){return function(){var i;Ft&&((i=this.y)==null||i.call(this)),r.__$f|=1,r.setState({})}}(o),typeof n.type=="function"?n.type.displayName||n.type.name:""))),Je=o,Te(t)}});ge("__e",function(e,n,t,o){Te(),Je=void 0,e(n,t,o)});ge("diffed",function(e,n){Te(),Je=void 0;var t;if(typeof n.type=="string"&&(t=n.__e)){var o=n.__np,r=n.props,i=t.U;if(i)for(var s in i){var u=i[s];u===void 0||o&&s in o||(u.d(),i[s]=void 0)}if(o){i||(i={},t.U=i);for(var l in o){var c=i[l],f=o[l];c===void 0?(c=jt(t,l,f,r),i[l]=c):c.o(f,r)}}}e(n)});function jt(e,n,t,o){var r=n in e&&e.ownerSVGElement===void 0,i=se(t);return{o:function(s,u){i.value=s,o=u},d:le(function(){this.N=tt;var s=i.value.value;o[n]!==s&&(o[n]=s,r?e[n]=s:s!=null&&(s!==!1||n[4]==="-")?e.setAttribute(n,s):e.removeAttribute(n))})}}ge("unmount",function(e,n){if(typeof n.type=="string"){var t=n.__e;if(t){var o=t.U;if(o){t.U=void 0;for(var r in o){var i=o[r];i&&i.d()}}}var s=n.__np;if(s){var u=n.props;for(var l in s)u[l]=s[l]}n.__np=void 0}else{var c=n.__c;if(c){c.__$f|=8;var f=c.__$u;f&&(c.__$u=void 0,f.d())}}e(n)});ge("__h",function(e,n,t,o){o<3&&(n.__$f|=2),e(n,t,o)});me.prototype.shouldComponentUpdate=function(e,n){if(this.__R)return!0;var t=this.__$u,o=t&&t.s!==void 0;for(var r in n)return!0;if(this.__f||typeof this.u=="boolean"&&this.u===!0){var i=2&this.__$f;if(!(o||i||4&this.__$f)||1&this.__$f)return!0}else if(!(o||4&this.__$f)||3&this.__$f)return!0;for(var s in e)if(s!=="__source"&&e[s]!==this.props[s])return!0;for(var u in this.props)if(!(u in e))return!0;return!1};function Bt(e,n){return Ee(function(){return se(e,n)},[])}var Wt=function(e){queueMicrotask(function(){queueMicrotask(e)})};function Gt(){ln(function(){for(var e;e=et.shift();)Zn.call(e)})}function tt(){et.push(this)===1&&(A.requestAnimationFrame||Wt)(Gt)}var Ke="/graphql",pn="geodesic.key",Ht=/^geodesic\.(run|explorer)\./,Jt=/^[\x21-\x7e]+$/,J=class extends Error{code;constructor(n,t){super(t),this.code=n}},ne=se(sessionStorage.getItem(pn)),ot=se(null),be=se(!1);function Ao(e){for(let n of Object.keys(sessionStorage))Ht.test(n)&&sessionStorage.removeItem(n);e===null?sessionStorage.removeItem(pn):sessionStorage.setItem(pn,e),ne.value=e,ot.value=null}function _n(e,n){return{documentId:e.sha256,operationName:e.name,variables:n}}function hn(e=ne.value){return e===null?{}:{authorization:`Bearer ${e}`}}async function rt(e,n,t,o=ne.value){if(o!==null&&!Jt.test(o))throw Pe(o);let r=await fetch(Ke,{method:"POST",headers:{...hn(o),"content-type":"application/json",accept:"application/json"},body:JSON.stringify(_n(e,n)),signal:t??null}).catch(s=>{throw t?.aborted?s:mn()});be.value=!1;let i=await r.json().catch(s=>{throw t?.aborted?s:new J("BAD_ANSWER",`The gateway answered ${r.status} without JSON`)});if(r.status===401)throw Pe(o);return Ve(i)}function Ve(e){let n=Array.isArray(e.errors)?e.errors[0]:void 0;if(n!==void 0)throw n.extensions?.code==="UNAUTHENTICATED"?Pe():new J(String(n.extensions?.code??"UNKNOWN"),String(n.message));return e.data}function Pe(e=ne.value){return e===ne.value&&(ot.value=e===null?"missing":"rejected"),new J("UNAUTHENTICATED","This gateway needs a key that it knows")}function mn(){return be.value=!0,new J("OFFLINE","The gateway does not answer")}function Io(e){if("code"in e){let{code:n,message:t}=e;throw new J(n,t)}return e}function it(e){return typeof e=="object"&&e!==null}var at="x-graphql-event-stream-token";function st(e){if(e=e,e!=="next"&&e!=="complete")throw new Error(`Invalid stream event "${e}"`);return e}function ct(e,n){if(n)try{n=JSON.parse(n)}catch{throw new Error("Invalid stream data")}if(e==="next"&&!n)throw new Error('Stream data must be an object for "next" events');return n||null}var fe;(function(e){e[e.NewLine=10]="NewLine",e[e.CarriageReturn=13]="CarriageReturn",e[e.Space=32]="Space",e[e.Colon=58]="Colon"})(fe||(fe={}));function ut(){let e,n,t,o=!1,r={event:"",data:""},i=[],s=new TextDecoder;return function(l){if(e===void 0)e=l,n=0,t=-1;else{let p=new Uint8Array(e.length+l.length);p.set(e),p.set(l,e.length),e=p}let c=e.length,f=0;for(;n<c;){o&&(e[n]===fe.NewLine&&(f=++n),o=!1);let p=-1;for(;n<c&&p===-1;++n)switch(e[n]){case fe.Colon:t===-1&&(t=n-f);break;case fe.CarriageReturn:o=!0;case fe.NewLine:p=n;break}if(p===-1)break;if(f===p){if(r.event||r.data){if(!r.event)throw new Error("Missing message event");let a=st(r.event),d=ct(a,r.data);i.push({event:a,data:d}),r={event:"",data:""}}}else if(t>0){let a=e.subarray(f,p),d=s.decode(a.subarray(0,t)),E=t+(a[t+1]===fe.Space?2:1),S=s.decode(a.subarray(E));switch(d){case"event":r.event=S;break;case"data":r.data=r.data?r.data+`
`+S:S;break}}f=n,t=-1}if(f===c){e=void 0;let p=[...i];return i=[],p}else f!==0&&(e=e.subarray(f),n-=f)}}function lt(e){let{singleConnection:n=!1,lazy:t=!0,lazyCloseTimeout:o=0,onNonLazyError:r=console.error,generateID:i=function(){return"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g,I=>{let w=Math.random()*16|0;return(I=="x"?w:w&3|8).toString(16)})},retryAttempts:s=5,retry:u=async function(I){let w=1e3;for(let b=0;b<I;b++)w*=2;await new Promise(b=>setTimeout(b,w+Math.floor(Math.random()*2700+300)))},credentials:l="same-origin",referrer:c,referrerPolicy:f,onMessage:p,on:a}=e,d=e.fetchFn||fetch,E=e.abortControllerImpl||AbortController,S=(()=>{let M=!1,I=[];return{get disposed(){return M},onDispose(w){return M?(setTimeout(()=>w(),0),()=>{}):(I.push(w),()=>{I.splice(I.indexOf(w),1)})},dispose(){if(!M){M=!0;for(let w of[...I])w()}}}})(),v,y,h=0,m=null,R=0;async function j(){try{if(S.disposed)throw new Error("Client has been disposed");return await(y??(y=(async()=>{var M,I,w;if(m){if(await u(R),v.signal.aborted)throw new Error("Connection aborted by the client");R++}(M=a?.connecting)===null||M===void 0||M.call(a,!!m),v=new E;let b=S.onDispose(()=>v.abort());v.signal.addEventListener("abort",()=>{b(),y=void 0});let B=e,N=typeof B.url=="function"?await B.url(void 0):B.url;if(v.signal.aborted)throw new Error("Connection aborted by the client");let D=typeof B.headers=="function"?await B.headers(void 0):(I=B.headers)!==null&&I!==void 0?I:{};if(v.signal.aborted)throw new Error("Connection aborted by the client");let _;try{_=await d(N,{signal:v.signal,method:"PUT",credentials:l,referrer:c,referrerPolicy:f,headers:D})}catch(x){throw new K(x)}if(_.status!==201)throw new K(_);let T=await _.text();D[at]=T;let g=await dt({signal:v.signal,headers:D,credentials:l,referrer:c,referrerPolicy:f,url:N,fetchFn:d,onMessage:x=>{var $;($=a?.message)===null||$===void 0||$.call(a,x),p?.(x)}});return(w=a?.connected)===null||w===void 0||w.call(a,!!m),g.waitForThrow().catch(()=>y=void 0),g})()))}catch(M){throw y=void 0,M}}n&&!t&&(async()=>{for(h++;;)try{let{waitForThrow:M}=await j();await M()}catch(M){if(S.disposed)return;if(!(M instanceof K)||(y=void 0,!s||R>=s))return r?.(M);m=M}})();function H(M,I,w){if(!n){let N=new E,D=S.onDispose(()=>{D(),N.abort()});return(async()=>{var _,T,g,x,$;let C=null,k=0;for(;;)try{if(C){if(await u(k),N.signal.aborted)throw new Error("Connection aborted by the client");k++}(_=a?.connecting)===null||_===void 0||_.call(a,!!C),(T=w?.connecting)===null||T===void 0||T.call(w,!!C);let q=e,re=typeof q.url=="function"?await q.url(M):q.url;if(N.signal.aborted)throw new Error("Connection aborted by the client");let _e=typeof q.headers=="function"?await q.headers(M):(g=q.headers)!==null&&g!==void 0?g:{};if(N.signal.aborted)throw new Error("Connection aborted by the client");let{getResults:ie}=await dt({signal:N.signal,headers:{..._e,"content-type":"application/json; charset=utf-8"},credentials:l,referrer:c,referrerPolicy:f,url:re,body:JSON.stringify(M),fetchFn:d,onMessage:O=>{var U,he;(U=a?.message)===null||U===void 0||U.call(a,O),(he=w?.message)===null||he===void 0||he.call(w,O),p?.(O)}});(x=a?.connected)===null||x===void 0||x.call(a,!!C),($=w?.connected)===null||$===void 0||$.call(w,!!C);for await(let O of ie())C=null,k=0,I.next(O);return N.abort()}catch(q){if(N.signal.aborted)return;if(!(q instanceof K)||!s||k>=s)throw q;C=q}})().then(()=>I.complete()).catch(_=>I.error(_)),()=>N.abort()}h++;let b=new E,B=S.onDispose(()=>{B(),b.abort()});return(async()=>{let N=i();M={...M,extensions:{...M.extensions,operationId:N}};let D=null;for(;;){D=null;try{let{url:_,headers:T,getResults:g}=await j(),x;try{x=await d(_,{signal:b.signal,method:"POST",credentials:l,referrer:c,referrerPolicy:f,headers:{...T,"content-type":"application/json; charset=utf-8"},body:JSON.stringify(M)})}catch($){throw new K($)}if(x.status!==202)throw new K(x);D=async()=>{let $;try{let C=new E,k=S.onDispose(()=>{k(),C.abort()});$=await d(_+"?operationId="+N,{signal:C.signal,method:"DELETE",credentials:l,referrer:c,referrerPolicy:f,headers:T})}catch(C){throw new K(C)}if($.status!==200)throw new K($)};for await(let $ of g({signal:b.signal,operationId:N}))m=null,R=0,I.next($);return D=null,b.abort()}catch(_){if(b.signal.aborted)return await D?.();if(!(_ instanceof K)||(t&&(y=void 0),!s||R>=s))throw b.abort(),_;m=_}finally{b.signal.aborted&&--h===0&&(isFinite(o)&&o>0?setTimeout(()=>{h||v.abort()},o):v.abort())}}})().then(()=>I.complete()).catch(N=>I.error(N)),()=>b.abort()}return{subscribe:H,iterate(M,I){let w=[],b={done:!1,error:null,resolve:()=>{}},B=H(M,{next(D){w.push(D),b.resolve()},error(D){b.done=!0,b.error=D,b.resolve()},complete(){b.done=!0,b.resolve()}},I),N=async function*(){for(;;){for(w.length||await new Promise(_=>b.resolve=_);w.length;)yield w.shift();if(b.error)throw b.error;if(b.done)return}}();return N.throw=async D=>(b.done||(b.done=!0,b.error=D,b.resolve()),{done:!0,value:void 0}),N.return=async()=>(B(),{done:!0,value:void 0}),N},dispose(){S.dispose()}}}var K=class extends Error{constructor(n){let t,o;Kt(n)?(o=n,t="Server responded with "+n.status+": "+n.statusText):n instanceof Error?t=n.message:t=String(n),super(t),this.name=this.constructor.name,this.response=o}};function Kt(e){return it(e)&&typeof e.ok=="boolean"&&typeof e.status=="number"&&typeof e.statusText=="string"}async function dt(e){let{signal:n,url:t,credentials:o,headers:r,body:i,referrer:s,referrerPolicy:u,fetchFn:l,onMessage:c}=e,f={},p={},a;try{a=await l(t,{signal:n,method:i?"POST":"GET",credentials:o,referrer:s,referrerPolicy:u,headers:{...r,accept:"text/event-stream"},body:i})}catch(S){throw new K(S)}if(!a.ok)throw new K(a);if(!a.body)throw new Error("Missing response body");let d=null,E;return(async()=>{var S;try{let v=ut();for await(let y of Vt(a.body)){if(typeof y=="string")throw d=new Error(`Unexpected string chunk "${y}"`);let h;try{h=v(y)}catch(m){throw d=m}if(h)for(let m of h){try{c?.(m)}catch(j){throw d=j}let R=m.data&&"id"in m.data?m.data.id:"";switch(R in p||(p[R]=[]),m.event){case"next":R?p[R].push(m.data.payload):p[R].push(m.data);break;case"complete":p[R].push("complete");break;default:throw d=new Error(`Unexpected message event "${m.event}"`)}(S=f[R])===null||S===void 0||S.proceed()}}if(Object.keys(f).length)throw new Error("Connection closed while having active streams")}catch(v){!d&&Object.keys(f).length?d=new K(v):d=v,E?.(d)}finally{Object.values(f).forEach(({proceed:v})=>v())}})(),{url:t,headers:r,waitForThrow:()=>new Promise((S,v)=>{if(d)return v(d);E=v}),async*getResults(S){var v;let{signal:y,operationId:h=""}=S??{};try{for(;;){for(;!((v=p[h])===null||v===void 0)&&v.length;){let m=p[h].shift();if(m==="complete")return;yield m}if(d)throw d;if(y?.aborted)throw new Error("Getting results aborted by the client");await new Promise(m=>{let R=()=>{y?.removeEventListener("abort",R),delete f[h],m()};y?.addEventListener("abort",R),f[h]={proceed:R}})}}finally{delete p[h]}}}}function Vt(e){return typeof Object(e)[Symbol.asyncIterator]=="function"?(e=e,e):async function*(){let n=e.getReader(),t;do t=await n.read(),t.value!==void 0&&(yield t.value);while(!t.done)}()}function V(e){return e===null?"null":Array.isArray(e)?"array":typeof e}function ce(e){return V(e)==="object"}function zt(e){return Array.isArray(e)&&e.length>0&&e.every(n=>"message"in n)}function yn(e,n){return e.length<124?e:n}var ft="graphql-transport-ws";var z=(e=>(e[e.InternalServerError=4500]="InternalServerError",e[e.InternalClientError=4005]="InternalClientError",e[e.BadRequest=4400]="BadRequest",e[e.BadResponse=4004]="BadResponse",e[e.Unauthorized=4401]="Unauthorized",e[e.Forbidden=4403]="Forbidden",e[e.SubprotocolNotAcceptable=4406]="SubprotocolNotAcceptable",e[e.ConnectionInitialisationTimeout=4408]="ConnectionInitialisationTimeout",e[e.ConnectionAcknowledgementTimeout=4504]="ConnectionAcknowledgementTimeout",e[e.SubscriberAlreadyExists=4409]="SubscriberAlreadyExists",e[e.TooManyInitialisationRequests=4429]="TooManyInitialisationRequests",e))(z||{}),Y=(e=>(e.ConnectionInit="connection_init",e.ConnectionAck="connection_ack",e.Ping="ping",e.Pong="pong",e.Subscribe="subscribe",e.Next="next",e.Error="error",e.Complete="complete",e))(Y||{});function pt(e){if(!ce(e))throw new Error(`Message is expected to be an object, but got ${V(e)}`);if(!e.type)throw new Error("Message is missing the 'type' property");if(typeof e.type!="string")throw new Error(`Message is expects the 'type' property to be a string, but got ${V(e.type)}`);switch(e.type){case"connection_init":case"connection_ack":case"ping":case"pong":{if(e.payload!=null&&!ce(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an object or nullish or missing, but got "${e.payload}"`);break}case"subscribe":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);if(!ce(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an object, but got ${V(e.payload)}`);if(typeof e.payload.query!="string")throw new Error(`"${e.type}" message payload expects the 'query' property to be a string, but got ${V(e.payload.query)}`);if(e.payload.variables!=null&&!ce(e.payload.variables))throw new Error(`"${e.type}" message payload expects the 'variables' property to be a an object or nullish or missing, but got ${V(e.payload.variables)}`);if(e.payload.operationName!=null&&V(e.payload.operationName)!=="string")throw new Error(`"${e.type}" message payload expects the 'operationName' property to be a string or nullish or missing, but got ${V(e.payload.operationName)}`);if(e.payload.extensions!=null&&!ce(e.payload.extensions))throw new Error(`"${e.type}" message payload expects the 'extensions' property to be a an object or nullish or missing, but got ${V(e.payload.extensions)}`);break}case"next":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);if(!ce(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an object, but got ${V(e.payload)}`);break}case"error":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);if(!zt(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an array of GraphQL errors, but got ${JSON.stringify(e.payload)}`);break}case"complete":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);break}default:throw new Error(`Invalid message 'type' property "${e.type}"`)}return e}function _t(e,n){return pt(typeof e=="string"?JSON.parse(e,n):e)}function ve(e,n){return pt(e),JSON.stringify(e,n)}function ht(e){let{url:n,connectionParams:t,lazy:o=!0,onNonLazyError:r=console.error,lazyCloseTimeout:i=0,keepAlive:s=0,disablePong:u,connectionAckWaitTimeout:l=0,retryAttempts:c=5,retryWait:f=async function(T){let g=Math.pow(2,T);await new Promise(x=>setTimeout(x,g*1e3+Math.floor(Math.random()*2700+300)))},shouldRetry:p=gn,on:a,webSocketImpl:d,generateID:E=function(){return"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g,T=>{let g=Math.random()*16|0;return(T=="x"?g:g&3|8).toString(16)})},jsonMessageReplacer:S,jsonMessageReviver:v}=e,y;if(d){if(!Qt(d))throw new Error("Invalid WebSocket implementation provided");y=d}else typeof WebSocket<"u"?y=WebSocket:typeof global<"u"?y=global.WebSocket||global.MozWebSocket:typeof window<"u"&&(y=window.WebSocket||window.MozWebSocket);if(!y)throw new Error("WebSocket implementation missing; on Node you can `import WebSocket from 'ws';` and pass `webSocketImpl: WebSocket` to `createClient`");let h=y,m=(()=>{let _=(()=>{let g={};return{on(x,$){return g[x]=$,()=>{delete g[x]}},emit(x){"id"in x&&g[x.id]?.(x)}}})(),T={connecting:a?.connecting?[a.connecting]:[],opened:a?.opened?[a.opened]:[],connected:a?.connected?[a.connected]:[],ping:a?.ping?[a.ping]:[],pong:a?.pong?[a.pong]:[],message:a?.message?[_.emit,a.message]:[_.emit],closed:a?.closed?[a.closed]:[],error:a?.error?[a.error]:[]};return{onMessage:_.on,on(g,x){let $=T[g];return $.push(x),()=>{let C=$.indexOf(x);C>-1&&$.splice(C,1)}},emit(g,...x){for(let $ of[...T[g]])$(...x)}}})();function R(_){let T=[m.on("error",g=>{T.forEach(x=>x()),_(g)}),m.on("closed",g=>{T.forEach(x=>x()),_(g)})];return()=>T.forEach(g=>g())}let j,H=0,M,I=!1,w=0,b=!1;async function B(){clearTimeout(M);let[_,T]=await(j??(j=new Promise(($,C)=>(async()=>{if(I){if(await f(w),!H)return j=void 0,C({code:1e3,reason:"All Subscriptions Gone"});w++}m.emit("connecting",I);let k=new h(typeof n=="function"?await n():n,ft),q,re;function _e(){isFinite(s)&&s>0&&(clearTimeout(re),re=setTimeout(()=>{k.readyState===h.OPEN&&(k.send(ve({type:Y.Ping})),m.emit("ping",!1,void 0))},s))}R(O=>{j=void 0,clearTimeout(q),clearTimeout(re),C(O),O instanceof ze&&(k.close(4499,"Terminated"),k.onerror=null,k.onclose=null)}),k.onerror=O=>m.emit("error",O),k.onclose=O=>m.emit("closed",O),k.onopen=async()=>{try{m.emit("opened",k);let O=typeof t=="function"?await t():t;if(k.readyState!==h.OPEN)return;k.send(ve(O?{type:Y.ConnectionInit,payload:O}:{type:Y.ConnectionInit},S)),isFinite(l)&&l>0&&(q=setTimeout(()=>{k.close(z.ConnectionAcknowledgementTimeout,"Connection acknowledgement timeout")},l)),_e()}catch(O){m.emit("error",O),k.close(z.InternalClientError,yn(O instanceof Error?O.message:String(O),"Internal client error"))}};let ie=!1;k.onmessage=({data:O})=>{try{let U=_t(O,v);if(m.emit("message",U),U.type==="ping"||U.type==="pong"){m.emit(U.type,!0,U.payload),U.type==="pong"?_e():u||(k.send(ve(U.payload?{type:Y.Pong,payload:U.payload}:{type:Y.Pong},S)),m.emit("pong",!1,U.payload));return}if(ie)return;if(U.type!==Y.ConnectionAck)throw new Error(`First message cannot be of type ${U.type}`);clearTimeout(q),ie=!0,m.emit("connected",k,U.payload,I),I=!1,w=0;let he=new Promise((po,kt)=>R(kt));he.catch(()=>{}),$([k,he])}catch(U){k.onmessage=null,m.emit("error",U),k.close(z.BadResponse,yn(U instanceof Error?U.message:String(U),"Bad response"))}}})())));_.readyState===h.CLOSING&&await T;let g=()=>{},x=new Promise($=>g=$);return[_,g,new Promise(($,C)=>{let k=R(C);_.readyState!==h.OPEN&&T.catch(C),x.then(()=>{if(k(),!H){let q=()=>_.close(1e3,"Normal Closure");isFinite(i)&&i>0?(clearTimeout(M),M=setTimeout(()=>{!H&&_.readyState===h.OPEN&&q()},i)):q()}$()})})]}function N(_){if(gn(_)&&(Yt(_.code)||[z.InternalServerError,z.InternalClientError,z.BadRequest,z.BadResponse,z.Unauthorized,z.SubprotocolNotAcceptable,z.SubscriberAlreadyExists,z.TooManyInitialisationRequests].includes(_.code)))throw _;if(b)return!1;if(gn(_)&&_.code===1e3)return H>0;if(!c||w>=c||!p(_))throw _;return I=!0}o||(async()=>{for(H++;;)try{let[,,_]=await B();await _}catch(_){try{if(!N(_))return}catch(T){return r?.(T)}}})();function D(_,T){let g=E(_),x=!1,$=!1,C=()=>{H--,x=!0};return(async()=>{for(H++;;)try{let[k,q,re]=await B();if(x)return re.catch(()=>{}),q();let _e=m.onMessage(g,ie=>{switch(ie.type){case Y.Next:{T.next(ie.payload);return}case Y.Error:{$=!0,x=!0,T.error(ie.payload),C();return}case Y.Complete:{x=!0,C();return}}});k.send(ve({id:g,type:Y.Subscribe,payload:_},S)),C=()=>{!x&&k.readyState===h.OPEN&&k.send(ve({id:g,type:Y.Complete},S)),H--,x=!0,q()},await re.finally(_e);return}catch(k){if(!N(k))return}})().then(()=>{$||T.complete()}).catch(k=>{T.error(k)}),()=>{x||C()}}return{on:m.on,subscribe:D,iterate(_){let T=[],g={done:!1,error:null,resolve:()=>{}},x=D(_,{next(C){T.push(C),g.resolve()},error(C){g.done=!0,g.error=C,g.resolve()},complete(){g.done=!0,g.resolve()}}),$=async function*(){for(;;){for(T.length||await new Promise(k=>g.resolve=k);T.length;)yield T.shift();if(g.error)throw g.error;if(g.done)return}}();return $.throw=async C=>(g.done||(g.done=!0,g.error=C,g.resolve()),{done:!0,value:void 0}),$.return=async()=>(x(),{done:!0,value:void 0}),$},async dispose(){if(b=!0,j){let[_]=await j;_.close(1e3,"Normal Closure")}},terminate(){j&&m.emit("closed",new ze)}}}var ze=class extends Error{name="TerminatedCloseEvent";message="4499: Terminated";code=4499;reason="Terminated";wasClean=!1};function gn(e){return ce(e)&&"code"in e&&"reason"in e}function Yt(e){return[1e3,1001,1006,1005,1012,1013,1014].includes(e)?!1:e>=1e3&&e<=1999}function Qt(e){return typeof e=="function"&&"constructor"in e&&"CLOSED"in e&&"CLOSING"in e&&"CONNECTING"in e&&"OPEN"in e}var Ye=500,yt=1e4,mt=2e4,Xt=5e3,gt=3,Zt=4403,eo=/^(OFFLINE|CAPACITY|RATE_LIMITED)$/,no=/(Finished|Failed|Cancelled)$/,pe=null,bn=0;function to(){let e=ne.value;return pe?.key===e||(pe?.client.dispose(),pe={key:e,client:bn>=gt?oo(e):ro(e)}),pe}function oo(e){return lt({url:Ke,headers:hn(e),retryAttempts:0})}function ro(e){let n,t;return ht({url:new URL(Ke,globalThis.location.href.replace(/^http/,"ws")).href,connectionParams:e===null?{}:{apiKey:e},retryAttempts:0,lazyCloseTimeout:Xt,keepAlive:mt,on:{opened:o=>void(n=o),connected:()=>void(bn=0),ping:o=>{o||(t=setTimeout(()=>n?.close(4408,"No answer"),mt))},pong:o=>{o&&clearTimeout(t)},closed:()=>{clearTimeout(t),n===void 0&&io(),n=void 0}}})}async function io(){!await fetch("/livez").then(({ok:n})=>n,()=>!1)||++bn<gt||(pe?.client.dispose(),pe=null)}async function*bt(e,n,t){if(t.aborted)return;let{key:o,client:r}=to(),i=r.iterate({query:"",..._n(e,n)}),s=()=>void i.return?.();t.addEventListener("abort",s,{once:!0});try{for await(let u of i)be.value=!1,yield Ve(u)}catch(u){if(u instanceof J)throw u;Array.isArray(u)&&Ve({errors:u});let{code:l,response:c}=u;throw l===Zt||c?.status===401?Pe(o):c!==void 0&&c.status>=400&&c.status<500?new J(c.status===429?"RATE_LIMITED":"REFUSED",`The gateway refused the stream (${c.status})`):mn()}finally{t.removeEventListener("abort",s),s()}}async function zo(e,n,t){let o=n.afterSeq;for(let r=Ye;;r=Math.min(r*2,yt)){try{for await(let i of bt(e,{id:n.id,afterSeq:o},t.signal)){let s=Object.values(i)[0];if(r=Ye,!(s.seq<=o)&&(o=s.seq,t.onEvent(s),no.test(s.__typename)))return}}catch(i){if(t.signal.aborted)return;if(!(i instanceof J)||!eo.test(i.code))throw i}if(await xt(r,t.signal),t.signal.aborted)return}}async function vt(e,n,t){let{onEvent:o,signal:r}=t;for(let i=Ye;!r.aborted;i=Math.min(i*2,yt)){try{for await(let s of bt(e,n,r))i=Ye,o(s)}catch{}await xt(i,r)}}function xt(e,n){if(n.aborted)return Promise.resolve();let{promise:t,resolve:o}=Promise.withResolvers(),r=setTimeout(o,e),i=()=>o();return addEventListener("online",i),n.addEventListener("abort",i),t.finally(()=>{clearTimeout(r),removeEventListener("online",i),n.removeEventListener("abort",i)})}function er(e,n,t){let o=`${e.sha256} ${JSON.stringify(n)}`;return ao(o,r=>rt(e,n,r),t)}function ao(e,n,t){let[o,r]=Z({key:null}),i=e===null?null:`${e} ${ne.value}`,[s,u]=Z(0),l=ee(!1),c=Hn(()=>u(p=>p+1),[]);X(()=>{if(i===null)return;let p=new AbortController;return l.current=!0,n(p.signal).then(a=>{p.signal.aborted||r({key:i,data:a})},a=>{if(p.signal.aborted)return;let d=a instanceof J?a:new J("UNEXPECTED",String(a));r(E=>({...E.key===i?E:{},key:i,error:d}))}).finally(()=>{p.signal.aborted||(l.current=!1)}),()=>p.abort()},[i,s]),so(()=>l.current||c(),t);let f=i!==null&&o.key===i;return{data:f?o.data:void 0,error:f?o.error:void 0,reload:c}}function so(e,n){let t=ee(e);t.current=e,X(()=>{if(n===void 0)return;let o=()=>document.visibilityState==="visible"&&t.current(),r=setInterval(o,n);return document.addEventListener("visibilitychange",o),()=>{clearInterval(r),document.removeEventListener("visibilitychange",o)}},[n])}function nr(e){let[n,t]=Z(()=>matchMedia(e).matches);return X(()=>{let o=matchMedia(e),r=()=>t(o.matches);return r(),o.addEventListener("change",r),()=>o.removeEventListener("change",r)},[e]),n}function tr(e){let[n,t]=Z();if(X(()=>{let o=!0;return e().then(r=>o&&t({loaded:r}),r=>o&&t({error:r})),()=>void(o=!1)},[]),n!==void 0){if("error"in n)throw n.error;return n.loaded}}function or(e){let[n,t]=Z(!1),[o,r]=Z(null);return{run:(...s)=>{t(!0),r(null),e(...s).catch(u=>r(u instanceof J?u:new J("UNEXPECTED",String(u)))).finally(()=>t(!1))},busy:n,error:o}}function rr(e,n,t){let o=ee(t);o.current=t,X(()=>{let r=new AbortController;return vt(e,n,{onEvent:i=>o.current(i),signal:r.signal}),()=>r.abort()},[e.sha256,JSON.stringify(n),ne.value])}var wt=["B","kB","MB","GB","TB"];function ar(e){let n=Number(e),t=0;for(;n>=1e3&&t<wt.length-1;t++)n/=1e3;return`${Ce(n)} ${wt[t]}`}function sr(e){let n=Number(e);return n>=1e9?`${Ce(n/1e9)}B`:n>=1e6?`${Ce(n/1e6)}M`:n>=1e3?`${Ce(n/1e3)}k`:String(n)}function cr(e){return e>=1024?`${Ce(e/1024)}k`:String(e)}function Ce(e){return e>=100?e.toFixed(0):String(Number(e.toPrecision(3)))}function ur(e){return new Date(e).toLocaleDateString("en",{day:"numeric",month:"short",year:"numeric"})}function dr(e){return new Date(e).toLocaleString("en",{dateStyle:"medium",timeStyle:"short"})}function lr(e){return Number(e).toLocaleString("en")}function St(e){return e<1?`${Math.round(e*1e3)} ms`:e<90?`${e<10?e.toFixed(1):Math.round(e)} s`:`${Math.round(e/60)} min`}function fr(e){return Math.acos(Math.min(1,Math.max(-1,e)))*180/Math.PI}var pr={BFLOAT16:"bfloat16",FLOAT16:"float16",FLOAT32:"float32",FLOAT8_E4M3:"FP8"},_r={FP8_E4M3:"FP8",NONE:"None"};function vn(e){return e[0]+e.slice(1).toLowerCase().replaceAll("_"," ")}var mr={name:"DefaultsPage",kind:"query",sha256:"2344c09baa4ab27feaa34737c54342d87b195a35b37494c9be7bd51c0d794734",text:`query DefaultsPage($model: ModelRef) {
  samplingDefaults(model: $model) {
    history(first: 50) {
      totalCount
      edges {
        node {
          ...Revision
        }
      }
    }
  }
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Revision on SamplingRevision {
  id
  revision
  author
  reason
  createdAt
  changes {
    parameter
    before
    after
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},yr={name:"UpdateDefaults",kind:"mutation",sha256:"d6a34182b669dd216ddce5bb3b4266d999d50159a2d5dbee2cb8c3f3c0c8d539",text:`mutation UpdateDefaults($input: UpdateSamplingDefaultsInput!) {
  updateSamplingDefaults(input: $input) {
    __typename
    ... on UpdateSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},gr={name:"RevertDefaults",kind:"mutation",sha256:"d4c1e683b5c20a21277dbd68e5062509a10079474fc9f563859ec4c99fb25c6c",text:`mutation RevertDefaults($input: RevertSamplingDefaultsInput!) {
  revertSamplingDefaults(input: $input) {
    __typename
    ... on RevertSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},br={name:"Merges",kind:"query",sha256:"30838a3e6edb3ac8942fb9512900951b2d86862cf58396dfe42e7faf190a0d2d",text:`query Merges($first: Int!) {
  merges(first: $first) {
    totalCount
    edges {
      node {
        ...MergeRow
      }
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},vr={name:"MergePlan",kind:"query",sha256:"d0d815b0ffa5419791976407416f189a148ca1d97774693f77cd24ec1163f72f",text:`query MergePlan($configYaml: String!) {
  mergePlan(configYaml: $configYaml) {
    ok
    problems {
      code
      message
      line
      column
    }
    documents {
      name
      method
      baseModel
      dtype
      layers
      models {
        name
        weightBytes
      }
      readBytes
      writeBytes
      estimatedSeconds
      tensors {
        name
        operation
        filter
        t
      }
      files {
        file
        bytes
      }
    }
  }
}`},xr={name:"StartMerge",kind:"mutation",sha256:"5e8076634f4c1242f48f590c6fd530c1fbbf25d65c3d52ee37419916dbeab5ad",text:`mutation StartMerge($input: StartMergeInput!) {
  startMerge(input: $input) {
    __typename
    ... on StartMergePayload {
      merge {
        ...MergeRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},wr={name:"CancelMerge",kind:"mutation",sha256:"c041040a829fe0d4a7d45ffd3e4f7c1c4df240e4ed39cdbc3838a9e088a5c94c",text:`mutation CancelMerge($input: CancelMergeInput!) {
  cancelMerge(input: $input) {
    __typename
    ... on CancelMergePayload {
      merge {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Sr={name:"WatchMerge",kind:"subscription",sha256:"5ead09d03ed894a93dc9fb3841ca5b99e42c6ed6071bf988f8ea844a13d5e0d5",text:`subscription WatchMerge($id: ID!, $afterSeq: Int!) {
  mergeEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on MergeQueued {
      position
    }
    ... on MergeProgress {
      stage
      doneBytes
      totalBytes
      doneTensors
      totalTensors
      bytesPerSecond
      secondsLeft
    }
    ... on MergeFinished {
      artifactSha256
      model {
        name
      }
    }
    ... on MergeFailed {
      code
      message
    }
  }
}`},Er={name:"Keys",kind:"query",sha256:"080fdb88b024f13f68e149e41016f48a8dd5f084c4856b831302b49fe84c4b3d",text:`query Keys {
  apiKeys {
    id
    label
    prefix
    role
    createdAt
    revokedAt
    expiresAt
    lastUsedAt
  }
}`},kr={name:"CreateKey",kind:"mutation",sha256:"8e888b5e2905221b8f259621e7356bc37b4ff159ce63e39144289b45237f8ca5",text:`mutation CreateKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload {
      secret
      apiKey {
        id
        label
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Mr={name:"RevokeKey",kind:"mutation",sha256:"1e7332d43f00d8158c6d7e2b578be0e1d40209033bfe4f706c6f2fd156861997",text:`mutation RevokeKey($input: RevokeApiKeyInput!) {
  revokeApiKey(input: $input) {
    __typename
    ... on RevokeApiKeyPayload {
      revokedId
    }
    ... on Error {
      code
      message
    }
  }
}`},$r={name:"EngineState",kind:"query",sha256:"90a23de465beba1876d1ea661a207d1c6db0aa71477443126771a278e996efbc",text:`query EngineState {
  runtime {
    batchSize
    running
    waiting
    tokensPerSecond
    generatedTokens
    kvBlocksTotal
    kvBlocksUsed
    steps
    stepsPerSubmit
    dispatchesPerStep
    device {
      adapter
      backend
      vendor
      software
    }
    engine {
      state
      reason
      restarts
      attempt
      retryAt
    }
    models {
      key
      running
      waiting
      weightBytes
      kvCacheBytes
      kvBlocksTotal
      kvBlocksUsed
      kvBlocksCached
      preemptions
      prefixCacheHits
      prefixCacheQueries
    }
  }
}`},Tr={name:"AuditLog",kind:"query",sha256:"c2697f69dd47014e44a79d2dac99de62075ca94338251aa93957f4f6fee52edd",text:`query AuditLog($first: Int!, $after: String, $where: AuditFilter) {
  auditLog(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        seq
        action
        actorId
        actorLabel
        target
        details
        at
        hash
      }
    }
  }
}`},Pr={name:"VerifyAuditLog",kind:"query",sha256:"9501458266c8e6a45aa00bef39a202c3bd93c9fc42045688b4bfad7ca378f925",text:`query VerifyAuditLog {
  verifyAuditLog {
    isIntact
    entries
    headHash
    brokenSeq
    reason
  }
}`},Cr={name:"Usage",kind:"query",sha256:"a737207f007d5bd8d375c856ca0b39509b4d0d7d594e49ec35e7828bff057bd6",text:`query Usage {
  usage(first: 100) {
    edges {
      node {
        day
        principalId
        generations
        promptTokens
        cachedTokens
        completionTokens
        engineMs
        model {
          name
        }
      }
    }
  }
}`},Ar={name:"Models",kind:"query",sha256:"caa0f475e018f3b9a3a1c0f666b2f217647cde575a47e22ffba77d8d76a5865c",text:`query Models($first: Int!, $after: String, $where: ModelFilter) {
  models(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        ...Card
        parents {
          name
        }
        provenance {
          method
        }
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Ir={name:"ModelNames",kind:"query",sha256:"a1d8d96f52cb82d5bf4dfb00b060d191298d2521cbfc58709412058dd7749d39",text:`query ModelNames {
  models(first: 100) {
    edges {
      node {
        ...Residency
        concurrencyCost
        parents {
          name
        }
      }
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Rr={name:"ModelPage",kind:"query",sha256:"97084d96c0092458b8842240c5a4c0002f283306f04a824a0fd569e3227395f0",text:`query ModelPage($ref: ModelRef!) {
  model(ref: $ref) {
    ...Card
    description
    artifact {
      manifestSha256
      sizeBytes
      files {
        path
        sha256
        sizeBytes
      }
    }
    parents {
      ...Card
      provenance {
        method
      }
      artifact {
        manifestSha256
      }
    }
    descendants {
      id
      name
    }
    declaredParents {
      name
      isBase
      model {
        name
      }
    }
    recipe {
      method
      configYaml
      configSha256
    }
    origin {
      repository
      revision
    }
    provenance {
      id
      method
      dtype
      status
      toolVersion
      configYaml
      configSha256
      startedAt
      finishedAt
      baseModel {
        name
      }
      sources {
        name
        layerRange
        isBase
        artifactSha256
        model {
          name
        }
      }
      parameters {
        name
        filter
        value
        gradient
      }
      curves {
        filter
        t
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Nr={name:"ModelEvents",kind:"subscription",sha256:"ce9c948fbc7f54101819f0295b487f7d802121a77331d87cffcb9ebc529e7790",text:`subscription ModelEvents($ref: ModelRef) {
  modelEvents(ref: $ref) {
    news
    residency {
      ...ResidencyState
    }
    model {
      id
      name
    }
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Lr={name:"ModelJobs",kind:"query",sha256:"113fef19561e23b2573d9ddd7921d3ec1763585a084349f8492bc2d3c27dfcf3",text:`query ModelJobs($first: Int!, $where: ModelJobFilter) {
  modelJobs(first: $first, where: $where) {
    edges {
      node {
        ...JobRow
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},Dr={name:"VerifyModel",kind:"mutation",sha256:"80e25bfb2453a0f21a4a48f9c9aebe1993a17d2961d16a0bab4cceda917ab8a0",text:`mutation VerifyModel($input: VerifyModelInput!) {
  verifyModel(input: $input) {
    __typename
    ... on VerifyModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Or={name:"PullModel",kind:"mutation",sha256:"853c1600214b5bff90c70f08734ce4ef8da9978d635575a40631ebc85956ddb4",text:`mutation PullModel($input: PullModelInput!) {
  pullModel(input: $input) {
    __typename
    ... on PullModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},qr={name:"CancelJob",kind:"mutation",sha256:"6eb5c2ea659b99e59785c88f9c67bcd71d030215c590f01c212f4730dc4a9e01",text:`mutation CancelJob($input: CancelModelJobInput!) {
  cancelModelJob(input: $input) {
    __typename
    ... on CancelModelJobPayload {
      job {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Ur={name:"WatchJob",kind:"subscription",sha256:"76de383f08a0e6f6acae620154c8355b5827ae2b5b3c169b4a0543cf1c9d8126",text:`subscription WatchJob($id: ID!, $afterSeq: Int!) {
  modelJobEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on ModelJobProgress {
      stage
      doneBytes
      totalBytes
      doneItems
      totalItems
      bytesPerSecond
      secondsLeft
    }
    ... on ModelJobFailed {
      code
      message
    }
    ... on ModelJobFinished {
      job {
        model {
          name
        }
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},Fr={name:"MergeTensors",kind:"query",sha256:"04510802c24cb78f8ee9955f80358c22ced620466d249f6b1090fec8f0351199",text:`query MergeTensors($id: ID!, $first: Int!, $after: String, $where: MergeTensorFilter, $orderBy: MergeTensorOrder) {
  merge(id: $id) {
    id
    tensors(first: $first, after: $after, where: $where, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          name
          layer
          filter
          t
          mode
          cosine
          outputSha256
        }
      }
    }
  }
}`},jr={name:"LoadModel",kind:"mutation",sha256:"2592235f2f842cd717f2c52cd6bb3b1c42f7f9770524a49cd854435948f9cbaf",text:`mutation LoadModel($input: LoadModelInput!) {
  loadModel(input: $input) {
    __typename
    ... on LoadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Br={name:"UnloadModel",kind:"mutation",sha256:"1664d1f8ae21da7329b3802f03c35dca5731dedc6ca008711deeeeac30b97993",text:`mutation UnloadModel($input: UnloadModelInput!) {
  unloadModel(input: $input) {
    __typename
    ... on UnloadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Wr={name:"Sessions",kind:"query",sha256:"4f3ce53c8931a9e3137fe5889cacbd7600a7e1dc42d087640c05e7db976228c3",text:`query Sessions($first: Int!, $after: String) {
  sessions(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
  }
}`},Gr={name:"SessionPage",kind:"query",sha256:"685e53805b532162908e3ae5132861de39a504d1888716da10ce934c7e649997",text:`query SessionPage($id: ID!, $after: String) {
  session(id: $id) {
    id
    title
    contextPolicy
    model {
      id
      name
    }
    openGeneration {
      id
    }
    messages(first: 20, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...Said
        }
      }
    }
  }
}

fragment Said on Message {
  id
  role
  content
  createdAt
  branchIndex
  branchCount
  siblings {
    id
  }
  generation {
    id
    status
    finishReason
    artifactSha256
    usage {
      promptTokens
      completionTokens
      cachedTokens
    }
    timings {
      ttftMs
      decodeTokensPerSecond
    }
  }
}`},Hr={name:"CreateSession",kind:"mutation",sha256:"b4edf41ddb830166c81ce3746bd876638f05045eea12c2590bd3b0b7c7dd5408",text:`mutation CreateSession($input: CreateSessionInput!) {
  createSession(input: $input) {
    __typename
    ... on CreateSessionPayload {
      session {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Jr={name:"DeleteSession",kind:"mutation",sha256:"e805f8cdf8de500895dee1d52aa1df2f1372b2c4d39bcf8cfaa0280530b41eba",text:`mutation DeleteSession($input: DeleteSessionInput!) {
  deleteSession(input: $input) {
    __typename
    ... on DeleteSessionPayload {
      deletedId
    }
    ... on Error {
      code
      message
    }
  }
}`},Kr={name:"Parameters",kind:"query",sha256:"687543e11e11b889bb3f7e4c8295d02d970bcbbbf8cb09ac49c8d80cf6842747",text:`query Parameters($model: ModelRef) {
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},Vr={name:"StartGeneration",kind:"mutation",sha256:"0c81abb73ccb16f0b334bd7b74fab2fd4b3be865c3dff1b15c150522107dbe87",text:`mutation StartGeneration($input: GenerateInput!) {
  startGeneration(input: $input) {
    __typename
    ... on StartGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},zr={name:"CancelGeneration",kind:"mutation",sha256:"596f0a9b5919ab358a505a53a8670913e5af9247ef2c239df0905bbd2e1d0c8b",text:`mutation CancelGeneration($input: CancelGenerationInput!) {
  cancelGeneration(input: $input) {
    __typename
    ... on CancelGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Yr={name:"WatchGeneration",kind:"subscription",sha256:"c0995ca19784d1bb088845e83a4c71df92bde0fcb7ac5a4a0071b975bc6b6917",text:`subscription WatchGeneration($id: ID!, $afterSeq: Int!) {
  generationEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on GenerationQueued {
      position
    }
    ... on GenerationLoading {
      stage
      fraction
    }
    ... on PromptProcessed {
      promptTokens
      cachedTokens
    }
    ... on TokensGenerated {
      text
      tokens {
        id
        text
        logprob
        top {
          id
          text
          logprob
        }
      }
    }
    ... on GenerationFinished {
      finishReason
      text
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
      timings {
        queueMs
        prefillMs
        ttftMs
        decodeMs
        decodeTokensPerSecond
      }
    }
    ... on ContextTrimmed {
      droppedMessages
      keptMessages
    }
    ... on GenerationFailed {
      code
      message
    }
    ... on GenerationCancelled {
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
    }
  }
}`},Qr={name:"Regenerate",kind:"mutation",sha256:"bfa1c7d1c286ee2d5f7aa68d7de92563ca65ac279bd2f7d5914b48c796e031b3",text:`mutation Regenerate($input: RegenerateInput!) {
  regenerate(input: $input) {
    __typename
    ... on RegeneratePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Xr={name:"EditMessage",kind:"mutation",sha256:"9c714f9a5c18e159c14f51b95f5a0bfe5740f45e05186a155b50af423f301b30",text:`mutation EditMessage($input: EditMessageInput!) {
  editMessage(input: $input) {
    __typename
    ... on EditMessagePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Zr={name:"SelectBranch",kind:"mutation",sha256:"7319991eb1a8812937370138efffcd6e2de1458989b64ff7f46fa48cd13ff325",text:`mutation SelectBranch($input: SelectBranchInput!) {
  selectBranch(input: $input) {
    __typename
    ... on SelectBranchPayload {
      session {
        id
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},ei={name:"SetContextPolicy",kind:"mutation",sha256:"48b5604b5706d2b7e5d1f01e0746b468e785926232c06a50fedacc2c331fec90",text:`mutation SetContextPolicy($input: SetContextPolicyInput!) {
  setContextPolicy(input: $input) {
    __typename
    ... on SetContextPolicyPayload {
      session {
        id
        contextPolicy
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},ni={name:"ExportSession",kind:"query",sha256:"7509b12a047bb48a4043a5972c66d407d5c45c5fbc503556bd916be65e8c2b19",text:`query ExportSession($id: ID!, $format: ExportFormat!) {
  exportSession(id: $id, format: $format) {
    content
    fileName
    mediaType
  }
}`},ti={name:"DefaultsChanged",kind:"subscription",sha256:"0849d7c0d3e781f56b05b38c7f98b3ffacd1f1b8532cd7483fc738b53736bbad",text:`subscription DefaultsChanged($model: ModelRef) {
  samplingDefaultsChanged(model: $model) {
    values {
      temperature
    }
  }
}`},oi={name:"Viewer",kind:"query",sha256:"649702a865e491aaa80ca96ac68661adb25e9790e30270504e61a1b715774cce",text:`query Viewer {
  viewer {
    id
    role
    concurrencyUnitsAllowed
    concurrencyUnitsHeld
  }
}`};function ui(...e){let n=[...e.filter(Boolean),"Geodesic"].join(" \xB7 ");X(()=>{document.title=n},[n])}function di(e){let n=ee(e);return e!==void 0&&(n.current=e),n.current}function li(e){try{return atob(e).replace(/^[^:]*:/,"")}catch{return e}}var Et=new Set(["SLERP","NUSLERP","MULTISLERP","TIES","DARE","DELLA","SCE"]);function fi(e){let n=e.split("_");return n.some(t=>Et.has(t))?n.map(t=>Et.has(t)?t:t.toLowerCase()).join(" "):vn(e)}function co({text:e,label:n,small:t}){let[o,r]=Z("no");return X(()=>{if(o==="no")return;let s=setTimeout(()=>r("no"),1800);return()=>clearTimeout(s)},[o]),P(Q,{children:[P("button",{type:"button",class:t?"plain":"quiet",onClick:()=>void(navigator.clipboard?.writeText(e)??Promise.reject()).then(()=>r("yes"),()=>r("failed")),"aria-label":t?n:void 0,children:o==="yes"?"Copied":o==="failed"?"Copying is blocked":t?"Copy":n}),P("span",{class:"unseen",role:"status",children:o==="yes"?"Copied":o==="failed"?"The browser does not let this page copy":""})]})}function pi({value:e,what:n}){return P("span",{class:"hash",children:[P("code",{title:e,children:[e.slice(0,12),"\u2026"]}),P(co,{text:e,label:`Copy the SHA-256 of ${n}`,small:!0})]})}function _i({label:e,what:n,question:t,disabled:o,onConfirm:r}){let[i,s]=Z(!1),[u,l]=[ee(null),ee(null)],c=ee(!1);return X(()=>{i?l.current?.focus():c.current&&u.current?.focus(),c.current=i},[i]),i?P("span",{class:"confirm",role:"group","aria-label":`${e} ${n}`,onKeyDown:f=>f.key==="Escape"&&s(!1),children:[P("span",{children:t}),P("button",{ref:l,type:"button",class:"quiet small danger",onClick:()=>{s(!1),r()},children:e}),P("button",{type:"button",class:"quiet small",onClick:()=>s(!1),children:"Keep it"})]}):P("button",{ref:u,type:"button",class:"quiet small",disabled:o,"aria-label":`${e} ${n}`,onClick:()=>s(!0),children:e})}var uo={OFFLINE:"Is it running? This page asks again every two seconds and goes on by itself.",UNAUTHENTICATED:"\u201CUse a key\u201D at the top takes another one.",FORBIDDEN:"It takes a key of a higher role: \u201CUse a key\u201D, at the top.",RATE_LIMITED:"Wait a moment, then try again.",CAPACITY:"Try again when less is running.",INTERNAL:"The gateway\u2019s log has the reason.",UNEXPECTED:"Load the page anew; if that does not help, the gateway\u2019s log may tell why."};function hi({error:e,retry:n}){let t=uo[e.code];return P("div",{class:"problem",role:"alert",children:[P("p",{children:[P("strong",{children:e.code==="OFFLINE"?"Offline":"That did not work"})," ",e.message.replace(/\.?$/,"."),t&&` ${t}`,e.code!=="OFFLINE"&&P("code",{children:e.code})]}),n&&P("button",{type:"button",class:"quiet",onClick:n,children:"Try again"})]})}function mi({what:e}){return P("div",{class:"loading",role:"status",children:[P("span",{class:"orbit","aria-hidden":"true"}),P("span",{children:[be.value?"Waiting for the gateway":`Loading ${e}`," \u2026"]})]})}function yi({title:e,children:n,isPage:t}){return P("div",{class:"empty",children:[P("svg",{viewBox:"0 0 48 48","aria-hidden":"true",children:[P("circle",{cx:"24",cy:"24",r:"20"}),P("ellipse",{cx:"24",cy:"24",rx:"8",ry:"20"}),P("path",{d:"M4 24h40"})]}),P(t?"h1":"p",{class:"empty-title",children:e}),n]})}function gi({value:e,label:n}){return P("progress",{value:e,max:1,"aria-label":n,children:[Math.round(e*100)," %"]})}var lo={COLD:"Cold",WARM:"Warm",UNLOADING:"Unloading",FAILED:"Failed",MISSING_WEIGHTS:"No weights"};function fo(e){return e.state==="LOADING"?"Loading":lo[e.state]??vn(e.state)}function bi({residency:e,withTime:n}){let t=e.secondsLeft,o=e.state==="LOADING"?`Loading ${Math.round(e.fraction*100)} %${n&&typeof t=="number"&&t>=1?`, ${St(t)} left`:""}`:fo(e);return P("span",{class:`badge ${e.state.toLowerCase()}`,title:e.error?.message??e.stage??"",children:[P("span",{class:"dot","aria-hidden":"true"}),o]})}function vi({title:e,note:n,children:t,id:o,isBeside:r}){return P("section",{class:`section${r?" beside":""}`,id:o,children:[P("header",{children:[P("h2",{children:e}),n&&P("p",{class:"note",children:n})]}),t]})}export{Q as a,me as b,_o as c,P as d,Z as e,X as f,ee as g,se as h,J as i,ne as j,ot as k,be as l,Ao as m,rt as n,Io as o,zo as p,er as q,ao as r,so as s,nr as t,tr as u,or as v,rr as w,ar as x,sr as y,cr as z,ur as A,dr as B,lr as C,St as D,fr as E,pr as F,_r as G,vn as H,mr as I,yr as J,gr as K,br as L,vr as M,xr as N,wr as O,Sr as P,Er as Q,kr as R,Mr as S,$r as T,Tr as U,Pr as V,Cr as W,Ar as X,Ir as Y,Rr as Z,Nr as _,Lr as $,Dr as aa,Or as ba,qr as ca,Ur as da,Fr as ea,jr as fa,Br as ga,Wr as ha,Gr as ia,Hr as ja,Jr as ka,Kr as la,Vr as ma,zr as na,Yr as oa,Qr as pa,Xr as qa,Zr as ra,ei as sa,ni as ta,ti as ua,oi as va,ui as wa,di as xa,li as ya,fi as za,co as Aa,pi as Ba,_i as Ca,hi as Da,mi as Ea,yi as Fa,gi as Ga,fo as Ha,bi as Ia,vi as Ja};
